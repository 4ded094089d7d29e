import { sessionNumberOf } from "@d-engine/client";
import { decodeSessionResponse, Slab } from "@d-engine/codec";
import * as proto from "@d-engine/proto";
import { create, toBinary } from "@d-engine/proto";
import { Client, credentials, Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KvServer, startKvServer } from "../../../client/test/kv-server.js";
import { addUsers, authChange } from "../../test/auth-changes.js";
import { signToken } from "./token.js";

const utf8 = new TextEncoder();
const key = utf8.encode("k");
const { client, cluster, kvService, admin, auth, session, health, kvCommand } = proto;

/** What a call takes. `peer`: no client's; those prove to be members, by the peers' own rules. */
type Right = "nothing" | "user" | "keys" | "root" | "peer";

interface Row {
  readonly right: Right;
  readonly request?: Uint8Array;
}

const empty = new Uint8Array(0);
const put = create(client.WriteCommandSchema, {
  operation: { case: "insert", value: { key, value: key } },
});
const putBytes = toBinary(client.WriteCommandSchema, put);
const range = create(kvCommand.QuerySchema, { query: { case: "range", value: { key } } });

/** Every method of every service; one that is missing here fails the first test. */
const rows: Readonly<Record<string, Row>> = {
  "d_engine.client.RaftClientService/HandleClientWrite": {
    right: "keys",
    request: toBinary(
      client.ClientWriteRequestSchema,
      create(client.ClientWriteRequestSchema, { command: put }),
    ),
  },
  "d_engine.client.RaftClientService/HandleClientRead": {
    right: "keys",
    request: toBinary(
      client.ClientReadRequestSchema,
      create(client.ClientReadRequestSchema, { keys: [key] }),
    ),
  },
  "d_engine.client.RaftClientService/HandleClientScan": {
    right: "keys",
    request: toBinary(client.ScanRequestSchema, create(client.ScanRequestSchema, { prefix: key })),
  },
  "d_engine.client.RaftClientService/Watch": {
    right: "keys",
    request: toBinary(
      client.WatchRequestSchema,
      create(client.WatchRequestSchema, { key, prefix: true }),
    ),
  },
  "d_engine.client.RaftClientService/WatchMembership": { right: "user" },
  "d_engine.server.cluster.ClusterManagementService/GetClusterMetadata": { right: "nothing" },
  "d_engine.server.cluster.ClusterManagementService/DiscoverLeader": { right: "nothing" },
  "d_engine.server.cluster.ClusterManagementService/JoinCluster": { right: "peer" },
  "d_engine.server.cluster.ClusterManagementService/UpdateClusterConf": { right: "root" },
  "d_engine.kv.v1.KvService/Query": {
    right: "keys",
    request: toBinary(
      kvService.QueryRequestSchema,
      create(kvService.QueryRequestSchema, { query: range }),
    ),
  },
  "d_engine.kv.v1.KvService/Watch": {
    right: "keys",
    request: toBinary(
      kvService.WatchStreamRequestSchema,
      create(kvService.WatchStreamRequestSchema, {
        request: { case: "create", value: { id: 1n, key, startRevision: 1n } },
      }),
    ),
  },
  "d_engine.session.v1.SessionService/Session": {
    right: "keys",
    request: operation({ case: "write", value: toBinary(client.WriteCommandSchema, put) }),
  },
  "d_engine.admin.v1.AdminService/TransferLeadership": { right: "root" },
  "d_engine.admin.v1.AdminService/SaveSnapshot": { right: "root" },
  "d_engine.admin.v1.AdminService/DownloadSnapshot": { right: "root" },
  "d_engine.auth.v1.AuthService/Authenticate": { right: "nothing" },
  "d_engine.auth.v1.AuthService/Change": {
    right: "root",
    request: toBinary(
      auth.ChangeRequestSchema,
      create(auth.ChangeRequestSchema, {
        change: { kind: kvCommand.AuthChange_Kind.DELETE_USER, user: utf8.encode("nobody") },
      }),
    ),
  },
  "d_engine.auth.v1.AuthService/Describe": { right: "user" },
  "grpc.health.v1.Health/Check": { right: "nothing" },
  "grpc.health.v1.Health/Watch": { right: "nothing" },
  "d_engine.server.election.RaftElectionService/RequestVote": { right: "peer" },
  "d_engine.server.replication.RaftReplicationService/AppendEntries": { right: "peer" },
  "d_engine.server.replication.RaftReplicationService/StreamAppendEntries": { right: "peer" },
  "d_engine.server.storage.SnapshotService/InstallSnapshot": { right: "peer" },
  "d_engine.server.storage.SnapshotService/StreamSnapshot": { right: "peer" },
  "d_engine.peer.v1.PeerService/PreVote": { right: "peer" },
  "d_engine.peer.v1.PeerService/ReadIndex": { right: "peer" },
  "d_engine.peer.v1.PeerService/TimeoutNow": { right: "peer" },
};

function operation(kind: proto.session.Operation["kind"]): Uint8Array {
  const request = create(session.SessionRequestSchema, { operations: [{ id: 1n, kind }] });
  return toBinary(session.SessionRequestSchema, request);
}

/** The operations of a session, each with what it takes: as many as the message has kinds. */
const operations: Readonly<Record<string, Uint8Array | undefined>> = {
  write: rows["d_engine.session.v1.SessionService/Session"]?.request,
  read: operation({ case: "read", value: create(session.ReadSchema, { keys: [key] }) }),
  scan: operation({ case: "scan", value: create(session.ScanSchema, { prefix: key }) }),
  query: operation({
    case: "query",
    value: create(session.QuerySchema, { query: toBinary(kvCommand.QuerySchema, range) }),
  }),
  // Answers nothing, and ends only what the same stream has begun.
  cancel: undefined,
};

function allMethods(): string[] {
  const found = Object.values(proto)
    .flatMap((file) => (typeof file === "object" ? Object.values(file) : []))
    .filter((one): one is proto.DescService => (one as { kind?: unknown }).kind === "service");
  return found.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`));
}

let server: KvServer;
let channel: Client;

beforeAll(async () => {
  server = await startKvServer();
  channel = new Client(server.address, credentials.createInsecure());
  await server.node.write(putBytes);
  await addUsers(server.node.auth);
  await server.node.auth.change(authChange("enable"));
});

afterAll(async () => {
  channel.close();
  await server[Symbol.asyncDispose]();
});

function tokenOf(user: string, parts: { lifetimeMs?: number; clusterId?: string } = {}): string {
  const { state } = server.node.auth;
  const epoch = state.users.get(user)?.epoch ?? 0;
  const clusterId = parts.clusterId ?? server.node.identity.clusterId;
  const ports = { clusterId, nowMs: () => Date.now() };
  return signToken(state, { user, epoch, local: false }, parts.lifetimeMs ?? 60_000, ports);
}

const callers: Readonly<Record<string, { token: () => string | undefined; is: Right | "nobody" }>> =
  {
    "no token": { token: () => undefined, is: "nobody" },
    "what is no token": { token: () => "x", is: "nobody" },
    "a token past its time": { token: () => tokenOf("root", { lifetimeMs: -1 }), is: "nobody" },
    "a token of another cluster": {
      token: () => tokenOf("root", { clusterId: "other" }),
      is: "nobody",
    },
    "a changed token": {
      token: () => tokenOf("root").replace(/.{43}$/, "A".repeat(43)),
      is: "nobody",
    },
    "a token of a user that is gone": { token: () => tokenOf("carol"), is: "nobody" },
    "a user with other keys": { token: () => tokenOf("bob"), is: "user" },
    "a user with the right": { token: () => tokenOf("alice"), is: "keys" },
    root: { token: () => tokenOf("root"), is: "root" },
  };

const allowedTo: Readonly<Record<Right | "nobody", readonly Right[]>> = {
  nobody: ["nothing"],
  nothing: ["nothing"],
  user: ["nothing", "user"],
  keys: ["nothing", "user", "keys"],
  root: ["nothing", "user", "keys", "root"],
  peer: [],
};

/** Why a call was refused by whom it is from; `undefined`: it was not. */
async function refusalOf(
  method: string,
  request: Uint8Array,
  token: string | undefined,
): Promise<string | undefined> {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  const call = channel.makeBidiStreamRequest(
    `/${method}`,
    asBuffer,
    (body: Buffer) => body,
    metadata,
  );
  call.write(request);
  if (!method.endsWith("/Session")) call.end();
  return await new Promise((resolve) => {
    const done = (code: string | undefined): void => {
      resolve(code);
      call.cancel();
    };
    call.on("data", (body: Buffer) => {
      const code = codeInBody(method, body);
      if (code !== "wait") done(code);
    });
    // The contract's watch says nothing while nothing happens.
    if (method.endsWith("RaftClientService/Watch")) {
      call.on("metadata", () => void server.node.write(putBytes));
    }
    call.on("error", () => undefined);
    call.on("status", ({ code }: StatusObject) => {
      const name = status[code];
      done(name === "UNAUTHENTICATED" || name === "PERMISSION_DENIED" ? name : undefined);
    });
  });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

/** What a message says of the refusal; `wait`: the next one says more. */
function codeInBody(method: string, body: Buffer): string | undefined {
  if (method.endsWith("KvService/Watch")) {
    const { response } = proto.fromBinary(kvService.WatchStreamResponseSchema, body);
    return response.case === "canceled" ? nameOf(response.value.code) : undefined;
  }
  if (!method.endsWith("/Session")) return undefined;
  const [result] = decodeSessionResponse(body, new Slab()).results;
  if (result === undefined) return "wait";
  return result.kind === "failure" ? nameOf(result.code) : undefined;
}

function nameOf(code: number): string {
  const codes = ["UNAUTHENTICATED", "PERMISSION_DENIED"] as const;
  return codes.find((name) => sessionNumberOf(name) === code) ?? `${code}`;
}

function expectedFor(is: Right | "nobody", right: Right): string | undefined {
  if (allowedTo[is].includes(right)) return undefined;
  return is === "nobody" ? "UNAUTHENTICATED" : "PERMISSION_DENIED";
}

describe("a node that asks for users", () => {
  it("has said of every method of every service what it takes", () => {
    expect(Object.keys(rows).sort()).toEqual(allMethods().sort());
    const kinds = session.OperationSchema.oneofs[0]?.fields.map(({ localName }) => localName);
    expect(Object.keys(operations).sort()).toEqual(kinds?.sort());
    // A health check must not need a secret, nor must whoever has none yet.
    expect(health.Health.typeName).toBe("grpc.health.v1.Health");
    expect(cluster.ClusterManagementService.methods).toHaveLength(4);
    expect(admin.AdminService.methods.length).toBeGreaterThan(0);
  });

  it("lets no node join that root has not added", async () => {
    const request = create(cluster.JoinRequestSchema, { nodeId: 9, address: "127.0.0.1:9" });
    const call = new Promise((resolve) => {
      const body = toBinary(cluster.JoinRequestSchema, request);
      const path = "/d_engine.server.cluster.ClusterManagementService/JoinCluster";
      channel.makeUnaryRequest(path, asBuffer, (bytes: Buffer) => bytes, body, resolve);
    });
    expect(await call).toMatchObject({ details: expect.stringContaining("member add 9") });
    expect(server.node.status().configuration.members).toHaveLength(1);
  });

  const clientRows = Object.entries(rows).filter(([, { right }]) => right !== "peer");
  const streams = Object.entries(operations).flatMap(([kind, request]) =>
    request === undefined ? [] : [{ kind, request }],
  );

  describe.each(Object.keys(callers))("called with %s", (name) => {
    const { token, is } = callers[name]!;

    it.each(clientRows)("%s", async (method, { right, request = empty }) => {
      expect(await refusalOf(method, request, token())).toBe(expectedFor(is, right));
    });

    it.each(streams)("an operation of a session: $kind", async ({ request }) => {
      const method = "d_engine.session.v1.SessionService/Session";
      expect(await refusalOf(method, request, token())).toBe(expectedFor(is, "keys"));
    });
  });
});
