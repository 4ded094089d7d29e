import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeAppendEntriesRequest } from "@d-engine/codec";
import { type AppendEntries, type LogIndex, nodeId, type Term } from "@d-engine/core";
import { kvService, peer } from "@d-engine/proto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EmbeddedEngine } from "../../../packages/d-engine/src/embedded-engine.js";
import { identityMetadata } from "../../../packages/server/src/peers/handshake.js";
import {
  encodePreVote,
  encodeReadIndex,
  encodeRequestVote,
  encodeTimeoutNow,
} from "../../../packages/server/src/peers/peer-codec.js";
import { PEER_METHODS } from "../../../packages/server/src/peers/peer-methods.js";
import { PeerSecret } from "../../../packages/server/src/security/peer-secret.js";
import { freePort } from "../../../packages/server/test/free-port.js";
import { grpcFrame } from "../../../packages/server/test/raw-socket.js";
import { EVERY_RPC, pathOf } from "../every-rpc.js";
import { mutated } from "../mutate.js";
import { Prng } from "../prng.js";
import { randomMessage } from "../random-message.js";
import { GoodClient } from "./good-client.js";

const clusterSecret = "what all members know";
const times = { electionTimeoutMs: 400, heartbeatIntervalMs: 50, leaseDurationMs: 200 };
const random = new Prng(781);

let engines: EmbeddedEngine[];
let good: GoodClient;
let base: string;
/** What nodes say of themselves at the level of errors, in the order of the calls. */
const bugs: string[] = [];
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "hostile-"));
  const addresses = [];
  while (addresses.length < 3) addresses.push(`127.0.0.1:${await freePort()}`);
  const initialCluster = Object.fromEntries(addresses.map((address, at) => [at + 1, address]));
  const say = (): void => undefined;
  const error = (line: string, fields?: object): void => {
    bugs.push(`${line}: ${inspect(fields)}`);
  };
  const logger = { debug: say, info: say, warn: say, error };
  const small = { segmentBytes: 4 * 1024 * 1024, clusterSecret, ...times };
  engines = await Promise.all(
    addresses.map((_, at) => {
      const place = { dataDir: join(base, String(at)), nodeId: at + 1, initialCluster };
      return EmbeddedEngine.start({ ...small, ...place, logger });
    }),
  );
  await Promise.all(engines.map((engine) => engine.waitReady()));
  good = await GoodClient.start(addresses);
  await good.servedAgain();
});
afterAll(async () => {
  await good.stop();
  await Promise.all(engines.map((engine) => engine.close()));
  rmSync(base, { recursive: true });
});

/** What every test ends with: all nodes serve, and nobody was made to break off. */
async function allLive(): Promise<void> {
  await good.servedAgain();
  expect(engines.map((engine) => engine.state)).toEqual(["running", "running", "running"]);
  const level = { consistency: "linearizable" } as const;
  for (const engine of engines) await engine.client().get("good", level);
}

/** Most is decided there. */
function leader(): EmbeddedEngine {
  return engines.find((engine) => engine.localNode.status().role === "leader") ?? engines[0]!;
}

/** The headers of the member whose id is given, with its proof. */
function memberHeaders(id: number): Record<string, string> {
  const { clusterId, instanceId } = engines[id - 1]!.identity;
  const identity = { clusterId, instanceId, nodeId: nodeId(id), featureLevel: 1 };
  const metadata = new PeerSecret(clusterSecret).sign(identityMetadata(identity), identity);
  return Object.fromEntries(
    Object.entries(metadata.getMap()).map(([key, value]) => [key, String(value)]),
  );
}

/** Calls with a session of its own for each node; resolves to the status. */
class Caller {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    this.#session = connectHttp2(`http://${address}`);
    this.#session.on("error", () => undefined);
  }

  call(path: string, message: Uint8Array, headers: Record<string, string> = {}): Promise<number> {
    return this.exchange(path, grpcFrame(message), headers);
  }

  /** The same, of a body with as many messages as one likes. */
  exchange(path: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<number> {
    return new Promise((resolve) => {
      const call = this.#session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        "grpc-timeout": "100m",
        ...headers,
      });
      let found = -1;
      const look = (answer: Record<string, unknown>): void => {
        if (answer["grpc-status"] !== undefined) found = Number(answer["grpc-status"]);
      };
      call
        .on("response", look)
        .on("trailers", look)
        .on("error", () => undefined);
      call.once("close", () => resolve(found)).resume();
      call.end(body);
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

const UNKNOWN = 2;
const INTERNAL = 13;

describe.each([
  { who: "a client", headers: () => ({}) },
  { who: "a proved member", headers: () => memberHeaders(3) },
])("every method, called by $who with what nobody should send (scenario 78)", ({ headers }) => {
  it.each(EVERY_RPC.map((method) => ({ path: pathOf(method), method })))(
    "$path",
    async ({ path, method }) => {
      const { input } = method;
      const samples = Array.from({ length: 12 }, () =>
        toBinary(input, randomMessage(input, random)),
      );
      const inputs = [
        ...samples,
        ...samples.map((sample) => mutated(sample, random, random.pick(samples))),
        ...samples.map((sample) => sample.subarray(0, random.below(sample.length + 1))),
        random.bytes(200),
        new Uint8Array(0),
      ];
      const caller = new Caller(leader().address!);
      const found = await Promise.all(inputs.map((bytes) => caller.call(path, bytes, headers())));
      caller.close();
      expect(bugs).toEqual([]);
      // Refused by what it is, or not answered in time; never by a bug.
      expect(found.filter((status) => status === UNKNOWN || status === INTERNAL)).toEqual([]);
      await good.servedAgain();
    },
  );
});

describe("a stream of watches, sent what nobody should send while there are events", () => {
  it("ends by itself, or goes on", async () => {
    const schema = kvService.WatchStreamRequestSchema;
    const all = { key: Buffer.from("a"), rangeEnd: Buffer.from("z") };
    const caller = new Caller(engines[1]!.address!);
    const calls = Array.from({ length: 40 }, () => {
      const requests = Array.from({ length: 1 + random.below(3) }, () => {
        const message = randomMessage(schema, random) as kvService.WatchStreamRequest;
        if (message.request.case === "create") {
          const startRevision = random.pick([0n, 0n, 1n, message.request.value.startRevision]);
          const id = random.pick([2n ** 64n - 1n, 2n ** 53n, message.request.value.id]);
          Object.assign(message.request.value, { ...all, startRevision, id });
        }
        const bytes = toBinary(schema, message);
        return grpcFrame(random.chance(0.2) ? mutated(bytes, random, bytes) : bytes);
      });
      return caller.exchange("/d_engine.kv.v1.KvService/Watch", Buffer.concat(requests));
    });
    const key = Buffer.from("good");
    const value = { id: 2n ** 64n - 1n, key };
    const large = create(schema, { request: { case: "create", value } });
    const path = "/d_engine.kv.v1.KvService/Watch";
    const ofLarge = caller.exchange(path, grpcFrame(toBinary(schema, large)));
    await good.servedAgain();
    const found = await Promise.all(calls);
    expect(await ofLarge).toBe(3); // with an event it would have to be given back
    caller.close();
    expect(bugs).toEqual([]);
    expect(found.filter((status) => status === UNKNOWN || status === INTERNAL)).toEqual([]);
    await allLive();
  });
});

describe("a proved member that says what cannot be", () => {
  const absurd = Number.MAX_SAFE_INTEGER;

  it("is not followed into a term from which there is no next", async () => {
    const terms = () => engines.map((engine) => engine.localNode.status().term);
    const before = Math.max(...terms());
    const three = nodeId(3);
    const lastLog = { term: absurd as Term, index: absurd as LogIndex };
    const term = absurd as Term;
    const append: AppendEntries = {
      kind: "appendEntries",
      term,
      leaderId: three,
      prev: { term: 0 as Term, index: 0 as LogIndex },
      entries: [],
      leaderCommit: absurd as LogIndex,
      round: absurd,
    };
    const id = { nonce: absurd, sequence: absurd };
    const requests: [string, Uint8Array][] = [
      [
        PEER_METHODS.requestVote.path,
        encodeRequestVote(three, { kind: "requestVote", term, lastLog, leadershipTransfer: true }),
      ],
      [PEER_METHODS.preVote.path, encodePreVote(three, { kind: "preVote", term, lastLog })],
      [PEER_METHODS.timeoutNow.path, encodeTimeoutNow(three, { kind: "timeoutNow", term })],
      [PEER_METHODS.readIndex.path, encodeReadIndex(three, { kind: "readIndex", term, id })],
      [PEER_METHODS.appendEntries.path, encodeAppendEntriesRequest(append)],
    ];
    for (const engine of engines.slice(0, 2)) {
      const caller = new Caller(engine.address!);
      for (const [path, bytes] of requests) await caller.call(path, bytes, memberHeaders(3));
      caller.close();
    }
    await allLive();
    expect(Math.max(...terms())).toBeLessThan(before + 10);
  });

  it("does not commit, or overwrite, by indexes and counts beyond what there is", async () => {
    const three = nodeId(3);
    const { term, commitIndex } = engines[0]!.localNode.status();
    const base = { kind: "appendEntries", term, leaderId: three, round: 1, entries: [] } as const;
    const at = (index: number) => ({ term, index: index as LogIndex });
    const appends: AppendEntries[] = [
      { ...base, prev: at(absurd), leaderCommit: absurd as LogIndex },
      { ...base, prev: at(commitIndex + 1_000_000), leaderCommit: absurd as LogIndex },
      { ...base, prev: { term: 0 as Term, index: 5 as LogIndex }, leaderCommit: 0 as LogIndex },
      { ...base, prev: { term, index: 0 as LogIndex }, leaderCommit: 0 as LogIndex },
    ];
    for (const engine of engines.slice(0, 2)) {
      const caller = new Caller(engine.address!);
      for (const append of appends) {
        await caller.call(
          PEER_METHODS.appendEntries.path,
          encodeAppendEntriesRequest(append),
          memberHeaders(3),
        );
      }
      caller.close();
    }
    await allLive();
  });

  it("gets no answer to a question whose number could not be given back", async () => {
    const schema = peer.ReadIndexRequestSchema;
    const largest = 2n ** 64n - 1n;
    for (const engine of engines.slice(0, 2)) {
      const term = BigInt(engine.localNode.status().term);
      const caller = new Caller(engine.address!);
      for (const numbers of [{ nonce: largest }, { sequence: largest }]) {
        const bytes = toBinary(schema, create(schema, { term, nodeId: 3, ...numbers }));
        expect(await caller.call(PEER_METHODS.readIndex.path, bytes, memberHeaders(3))).toBe(3);
      }
      caller.close();
    }
    await allLive();
  });

  it("is held to its own name, and a client is believed none of it", async () => {
    const caller = new Caller(engines[0]!.address!);
    const lastLog = { term: 1 as Term, index: 1 as LogIndex };
    const vote = {
      kind: "requestVote",
      term: 9_999 as Term,
      lastLog,
      leadershipTransfer: true,
    } as const;
    const asTwo = encodeRequestVote(nodeId(2), vote);
    const { path } = PEER_METHODS.requestVote;
    expect(await caller.call(path, asTwo, memberHeaders(3))).toBe(3); // INVALID_ARGUMENT
    expect(await caller.call(path, asTwo)).toBe(7); // PERMISSION_DENIED
    expect(
      await caller.call(path, asTwo, { ...memberHeaders(2), "x-d-engine-proof": "AAAA" }),
    ).toBe(7);
    caller.close();
    await allLive();
  });
});
