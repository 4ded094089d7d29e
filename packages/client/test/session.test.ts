import { ENGINE_ERRORS, EngineError, type EngineErrorCode, isEngineError } from "@d-engine/core";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Attempts } from "../../server/src/auth/attempts.js";
import { Callers } from "../../server/src/auth/callers.js";
import { newPortMetrics } from "../../server/src/connections/port-metrics.js";
import { AnswerRoom } from "../../server/src/grpc/answer-room.js";
import { GRPC_LIMITS } from "../../server/src/grpc/limits.js";
import { rawServiceDefinition } from "../../server/src/grpc/raw-service.js";
import {
  clusterManagementHandlers,
  clusterManagementService,
} from "../../server/src/grpc/services/cluster-management-service.js";
import {
  raftClientHandlers,
  raftClientService,
} from "../../server/src/grpc/services/raft-client-service.js";
import { OpenSessions } from "../../server/src/grpc/session/open-sessions.js";
import { unaryCall } from "../../server/src/grpc/unary-call.js";
import { OpenWatches } from "../../server/src/grpc/watch/open-watches.js";
import { freePort } from "../../server/test/free-port.js";
import { startTestServer, type TestServer } from "../../server/test/test-server.js";
import { GrpcTransport } from "../src/grpc-transport.js";
import {
  CONNECT_DEFAULTS,
  type Consistency,
  connect,
  type EngineClient,
  type RemoteClient,
  type TransportRequest,
} from "../src/index.js";
import { type KvServer, startKvServer } from "./kv-server.js";
import { TcpProxy } from "./tcp-proxy.js";

describe("a call by session and the same call by itself", () => {
  const servers: KvServer[] = [];
  const clients: RemoteClient[] = [];

  beforeAll(async () => {
    for (const session of [true, false]) {
      const server = await startKvServer();
      servers.push(server);
      clients.push(await connect([server.address], { session }));
    }
  });

  afterAll(async () => {
    for (const client of clients) await client.close();
    for (const server of servers) await server[Symbol.asyncDispose]();
  });

  it("have the same result, whatever is called", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyCall, { minLength: 1, maxLength: 15 }), async (calls) => {
        const [bySession, byItself] = clients as [RemoteClient, RemoteClient];
        for (const { run } of calls) {
          const [ours, theirs] = await Promise.all([ended(run(bySession)), ended(run(byItself))]);
          expect(ours).toEqual(theirs);
        }
      }),
      { numRuns: 30 },
    );
    const [ours, theirs] = servers.map(({ node }) => node.status().revision);
    expect(ours).toBe(theirs);
    expect(ours).toBeGreaterThan(10);
  });
});

describe("a refusal by session and the same refusal of a call by itself", () => {
  let test: TestServer;
  const transports: GrpcTransport[] = [];

  beforeAll(async () => {
    test = await startTestServer();
    for (const session of [true, false]) {
      transports.push(new GrpcTransport({ ...CONNECT_DEFAULTS, session }));
    }
  });

  afterAll(async () => {
    for (const transport of transports) await transport.close();
    await test[Symbol.asyncDispose]();
  });

  // The first ends a start, the others are of the recipes, which run in clients: none is ever sent.
  const unsent = ["DATA_DIR_LOCKED", "LOCK_LOST", "WAIT_TIMEOUT"];
  const codes = Object.keys(ENGINE_ERRORS).filter((code) => !unsent.includes(code));

  it.each(codes as EngineErrorCode[])("say the same: %s", async (code) => {
    const leader = { leaderId: 1, address: test.server.address } as never;
    for (const outcome of ["rejected", "unknown"] as const) {
      test.node.refusal = new EngineError(code, "because", { outcome, leader, retryAfterMs: 7 });
      const [ours, theirs] = await Promise.all(transports.map(refusalsOf));
      expect(ours).toEqual(theirs);
    }
  });

  it("say the same of what is no error of ours", async () => {
    test.node.refusal = new Error("a bug") as EngineError;
    const [ours, theirs] = await Promise.all(transports.map(refusalsOf));
    expect(ours?.map(outcomeOf)).toEqual(theirs?.map(outcomeOf));
    expect(test.bugs.splice(0)).toHaveLength(6);
  });

  /** How a write, a read and a scan are refused. */
  async function refusalsOf(transport: GrpcTransport): Promise<readonly Refusal[]> {
    const requests: readonly TransportRequest[] = [
      { kind: "write", command: Uint8Array.of(0x12, 0x03, 0x0a, 0x01, 0x6b) },
      { kind: "read", keys: [Uint8Array.of(0x6b)], consistency: undefined },
      { kind: "scan", prefix: new Uint8Array(0), consistency: undefined },
    ];
    const calls = requests.map(async (request) => {
      const options = { timeoutMs: 10_000 };
      const answer = await transport.call(test.server.address, request, options);
      if (answer.kind === "answered") expect.fail("answered");
      const { message: _, cause: __, ...rest } = { cause: undefined, ...answer.failure };
      return { request: request.kind, ...rest };
    });
    return await Promise.all(calls);
  }

  type Refusal = { readonly request: string; readonly kind: string };

  /** Whether the call may be taken to have had no effect. */
  function outcomeOf({ request, kind }: Refusal): string {
    return request === "write" && kind !== "unreachable" ? "unknown" : "rejected";
  }
});

describe("one session", () => {
  it("takes one caller's writes in the order in which they are made", async () => {
    await using server = await startKvServer();
    await using client = await connect([server.address]);
    const puts = Array.from({ length: 500 }, (_, at) => client.put("k", String(at)));
    const revisions = (await Promise.all(puts)).map(({ revision }) => revision);
    expect(revisions).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
    expect(await client.getString("k")).toBe("499");
  });

  it("makes one proposal of what is written within a turn", async () => {
    await using server = await startKvServer();
    await using client = await connect([server.address]);
    await client.put("first", "");
    const before = server.node.status().lastLogIndex;
    const { batchesWritten } = server.node.driver.metrics();
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => client.put(`k${at}`, "v")));
    expect(server.node.status().lastLogIndex - before).toBe(1_000);
    // One, but for what the network cuts apart.
    expect(server.node.driver.metrics().batchesWritten - batchesWritten).toBeLessThan(20);
  });

  it("waits for the window of the node and loses nothing", async () => {
    await using server = await startKvServer({ limits: { sessionOperationsMax: 3 } });
    await using client = await connect([server.address]);
    await Promise.all(Array.from({ length: 300 }, (_, at) => client.put(`k${at}`, "v")));
    expect((await client.scanPrefix("k")).entries).toHaveLength(300);
  });

  it("reads long lists in parts, up to the client's bound", async () => {
    await using server = await startKvServer();
    await using client = await connect([server.address], { answerBytesMax: 8_000_000 });
    const value = new Uint8Array(500_000).fill(7);
    await Promise.all(Array.from({ length: 12 }, (_, at) => client.put(`k${10 + at}`, value)));
    const { entries, revision } = await client.scanPrefix("k");
    expect(entries.map(({ key }) => Buffer.from(key).toString())).toEqual(
      Array.from({ length: 12 }, (_, at) => `k${10 + at}`),
    );
    expect(entries.every((entry) => Buffer.compare(entry.value, value) === 0)).toBe(true);
    expect(revision).toBe(12);
    const values = await client.getMulti(["k10", "x", "k21", "k10"]);
    expect(values.map((one) => one?.length)).toEqual([500_000, undefined, 500_000, 500_000]);
    const keys = Array.from({ length: 20 }, () => "k10");
    await expect(client.getMulti(keys)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });
});

describe("a connection that breaks under 1,000 writes", () => {
  it.each([{ after: 20_000 }, { after: 60_000 }, { after: 150_000 }])(
    "after $after bytes leaves each done once, of unknown outcome, or without effect",
    async ({ after }) => {
      const listen = `127.0.0.1:${await freePort()}`;
      await using proxy = await TcpProxy.start(listen);
      await using _ = await startKvServer({ listen, advertise: proxy.address });
      await using client = await connect([proxy.address], { timeoutMs: 10_000 });
      proxy.onForward = (bytes) => {
        if (bytes < after) return;
        proxy.onForward = undefined;
        proxy.cut();
      };
      const names = Array.from({ length: 1_000 }, (_, at) => `k${String(at).padStart(4, "0")}`);
      // Fifty callers, one write at a time each, so that some are done when it happens.
      const ends: End[] = [];
      const caller = async (first: number): Promise<void> => {
        for (let at = first; at < names.length; at += 50) {
          ends[at] = await ended(client.put(names[at] as string, "v".repeat(200)));
        }
      };
      await Promise.all(Array.from({ length: 50 }, (_, first) => caller(first)));
      expect(proxy.onForward).toBeUndefined();
      const { entries, revision } = await client.scanPrefix("k");
      // Each put took one revision: none was executed twice.
      expect(revision).toBe(entries.length);
      const there = new Set(entries.map(({ key }) => Buffer.from(key).toString()));
      let unknown = 0;
      ends.forEach((end, at) => {
        if ("value" in end) expect(there).toContain(names[at]);
        else if (end.outcome === "rejected") expect(there).not.toContain(names[at]);
        else unknown += 1;
        expect("value" in end || end.code === "OUTCOME_UNKNOWN").toBe(true);
      });
      expect(unknown).toBeGreaterThan(0);
      expect(unknown).toBeLessThanOrEqual(50);
    },
  );
});

describe("a connection that carries nothing any more", () => {
  it("is noticed, what was sent is of unknown outcome, and another is opened", async () => {
    const listen = `127.0.0.1:${await freePort()}`;
    await using proxy = await TcpProxy.start(listen);
    await using _ = await startKvServer({ listen, advertise: proxy.address });
    await using client = await connect([proxy.address], {
      silenceTimeoutMs: 300,
      timeoutMs: 20_000,
    });
    await client.put("k", "0");
    proxy.silence();
    const [put, get] = [ended(client.put("k", "1")), ended(client.getString("k"))];
    const since = performance.now();
    expect(await put).toEqual({ code: "OUTCOME_UNKNOWN", outcome: "unknown" });
    expect(performance.now() - since).toBeLessThan(5_000);
    // A read is made again, over another connection: the old one never says anything more.
    expect(await get).toEqual({ value: "0" });
    await client.put("k", "2");
    expect(await client.getString("k")).toBe("2");
  });
});

describe("without sessions", () => {
  it("a node that has no such service is called as before", async () => {
    await using server = await startKvServer();
    const old = new Server();
    const tokens = { clusterId: "", nowMs: () => 0 };
    const callers = new Callers(tokens);
    const metrics = newPortMetrics();
    const room = new AnswerRoom({ ...GRPC_LIMITS, unsentBytes: () => 0, metrics });
    const unary = (handler: Parameters<typeof unaryCall>[0]) =>
      unaryCall(handler, { onBug: () => undefined, callers, room });
    const context = {
      node: server.node,
      limits: GRPC_LIMITS,
      ownAddress: (authority: string) => authority,
      sessions: new OpenSessions(GRPC_LIMITS, callers, () => undefined),
      watches: new OpenWatches({ ...GRPC_LIMITS, streamsMax: 1, metrics, onBug: () => undefined }),
      callers,
      authentication: { attempts: new Attempts(() => 0), tokens, tokenLifetimeMs: 1 },
      unary,
      ownUnary: unary,
      stream: () => () => undefined,
      admin: undefined,
      secret: undefined,
      onBug: () => undefined,
    };
    old.addService(rawServiceDefinition(raftClientService), raftClientHandlers(context));
    old.addService(
      rawServiceDefinition(clusterManagementService),
      clusterManagementHandlers(context),
    );
    const port = await freePort();
    await new Promise((resolve) =>
      old.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), resolve),
    );
    await using client = await connect([`127.0.0.1:${port}`]);
    await Promise.all(Array.from({ length: 20 }, (_, at) => client.put(`k${at}`, "v")));
    expect((await client.scanPrefix("k")).entries).toHaveLength(20);
    await client.close();
    old.forceShutdown();
  });

  it("a node that wants no more of them is called all the same", async () => {
    await using server = await startKvServer({ limits: { sessionsMax: 1 } });
    await using first = await connect([server.address]);
    await first.put("k", "v");
    await using second = await connect([server.address]);
    expect(await second.getString("k")).toBe("v");
  });

  it("is what session: false asks for", async () => {
    await using server = await startKvServer({ limits: { sessionOperationsMax: 0 } });
    await using client = await connect([server.address], { session: false });
    await client.put("k", "v");
    expect(await client.getString("k")).toBe("v");
    await expect(
      connect([server.address], { session: "no" as unknown as boolean }),
    ).rejects.toThrow(/session must be true or false/);
  });
});

it("a node that stops finishes what it has taken in, and clients need at most another try", async () => {
  const first = await startKvServer();
  await using client = await connect([first.address], { timeoutMs: 15_000 });
  await client.put("k", "v");
  const puts = Array.from({ length: 300 }, (_, at) => ended(client.put(`k${at}`, "v")));
  await new Promise((resolve) => setImmediate(resolve));
  await first.server.close();
  const stored = first.node.status().revision;
  await first.node.driver.close();
  const second = await startKvServer({ listen: first.address });
  const ends = await Promise.all(puts);
  // Done at the first node, or refused there without effect and done at its successor.
  expect(ends.filter((end) => "value" in end)).toHaveLength(300);
  expect(stored - 1 + second.node.status().revision).toBe(300);
  await client.close();
  await second[Symbol.asyncDispose]();
});

type End = { readonly value: unknown } | { readonly code: string; readonly outcome: string };

/** How a call ended, comparable between two clients. */
async function ended(call: Promise<unknown>): Promise<End> {
  try {
    return { value: await call };
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return { code: error.code, outcome: error.outcome };
  }
}

interface AnyCall {
  /** For the report of a failure. */
  readonly what: unknown;
  run(client: EngineClient): Promise<unknown>;
}

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "b", "ab", "ba", "\u00e9") },
  { weight: 1, arbitrary: fc.constantFrom("", "k".repeat(4_097)) },
);
const value = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("", "1", "2", "v".repeat(300)) },
  { weight: 1, arbitrary: fc.constant("v".repeat(1_100_000)) },
);
const consistency = fc.constantFrom<Consistency | undefined>(
  undefined,
  "linearizable",
  "lease",
  "eventual",
);

const anyCall: fc.Arbitrary<AnyCall> = fc.oneof(
  fc.tuple(key, value).map(([k, v]) => ({
    what: ["put", k.slice(0, 9), v.length],
    run: (client: EngineClient) => client.put(k, v),
  })),
  fc.tuple(key, fc.integer({ min: 60_000, max: 65_000 })).map(([k, ttlMs]) => ({
    what: ["put with a time to live", k.slice(0, 9), ttlMs],
    run: (client: EngineClient) => client.put(k, "v", { ttlMs }),
  })),
  key.map((k) => ({
    what: ["delete", k.slice(0, 9)],
    run: (client: EngineClient) => client.delete(k),
  })),
  fc.tuple(key, fc.option(value, { nil: undefined }), value).map(([k, expected, v]) => ({
    what: ["compareAndSwap", k.slice(0, 9), expected?.length, v.length],
    run: (client: EngineClient) => client.compareAndSwap(k, expected, v),
  })),
  fc.tuple(fc.array(key, { maxLength: 5 }), consistency).map(([keys, level]) => ({
    what: ["getMulti", keys.map((k) => k.slice(0, 9)), level],
    run: (client: EngineClient) => client.getMulti(keys, level && { consistency: level }),
  })),
  fc.tuple(key, consistency).map(([prefix, level]) => ({
    what: ["scanPrefix", prefix.slice(0, 9), level],
    run: (client: EngineClient) => client.scanPrefix(prefix, level && { consistency: level }),
  })),
);
