import { decodeKvQueryResult, type KvQueryResult, varintSize, Writer } from "@d-engine/codec";
import {
  assertNever,
  EngineError,
  type EngineErrorCode,
  type NodeId,
  type NodeStatus,
  nodeId,
  type RoleKind,
} from "@d-engine/core";
import {
  client,
  cluster,
  common,
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@d-engine/proto";
import type { TransportRequest, TransportResults, WriteAnswer } from "./client-transport.js";
import type { Consistency, MemberInfo, MembershipSnapshot, ScanResult } from "./engine-client.js";
import type { OperationKind } from "./retry.js";
import { engineCodeOfNumber, leaderOfMetadata } from "./wire-errors.js";

/** The members and the leader, as one node reports them. */
export interface ClusterView {
  /** Index of the configuration entry that made this membership. */
  readonly version: number;
  readonly members: readonly MemberInfo[];
  /** Absent until the leader can serve; then one of `members`. */
  readonly leaderId: NodeId | undefined;
}

/** The unary request of the contract that says what `request` says. */
export function encodeRequest(request: TransportRequest): Uint8Array {
  switch (request.kind) {
    case "write":
      return encodeWrite(request.command);
    case "read": {
      const level = presentPolicy(request.consistency);
      const message = create(client.ClientReadRequestSchema, { keys: [...request.keys], ...level });
      return toBinary(client.ClientReadRequestSchema, message);
    }
    case "scan": {
      const level = presentPolicy(request.consistency);
      const message = create(client.ScanRequestSchema, { prefix: request.prefix, ...level });
      return toBinary(client.ScanRequestSchema, message);
    }
    case "query":
      return encodeQuery(request.query, policyOf(request.consistency));
    case "metadata":
      return new Uint8Array(0); // MetadataRequest has no fields
    default:
      return assertNever(request);
  }
}

/**
 * What a unary answer says. Throws the `EngineError` that it carries, and `INVALID_RESPONSE` for
 * one that cannot be read.
 */
export function decodeAnswer(
  request: TransportRequest,
  body: Uint8Array,
): TransportResults[TransportRequest["kind"]] {
  switch (request.kind) {
    case "write":
      return decodeWrite(body);
    case "read":
      return decodeRead(body, request.keys);
    case "scan":
      return decodeScan(body);
    case "query":
      return decodeQuery(body);
    case "metadata":
      return decodeClusterView(body);
    default:
      return assertNever(request);
  }
}

/** `ClientWriteRequest { command }`: the command's bytes as they are, behind their length. */
function encodeWrite(command: Uint8Array): Uint8Array {
  const writer = new Writer(new Uint8Array(1 + varintSize(command.length) + command.length));
  writer.byte(0x12);
  writer.varint(command.length);
  writer.raw(command);
  return writer.finish();
}

/** `QueryRequest { query, consistency_policy }`: the query's bytes as they are. */
function encodeQuery(query: Uint8Array, policy: number | undefined): Uint8Array {
  const head = 1 + varintSize(query.length) + query.length;
  const writer = new Writer(new Uint8Array(head + (policy === undefined ? 0 : 2)));
  writer.byte(0x0a);
  writer.varint(query.length);
  writer.raw(query);
  if (policy !== undefined) {
    writer.byte(0x10);
    writer.varint(policy);
  }
  return writer.finish();
}

/** Throws `INVALID_RESPONSE` for what is no result of a query. */
export function decodeQuery(body: Uint8Array): KvQueryResult {
  try {
    return decodeKvQueryResult(body);
  } catch (cause) {
    throw new EngineError("INVALID_RESPONSE", "an answer is no result of a query", { cause });
  }
}

function decodeWrite(body: Uint8Array): WriteAnswer {
  const response = decode(client.ClientResponseSchema, body);
  throwIfError(response, "write");
  const result = response.successResult;
  if (result.case !== "writeResult") throw invalid("a write was answered without write_result");
  return {
    succeeded: result.value.succeeded,
    revision: safeNumber(result.value.revision, "revision"),
    existed: result.value.existed,
    ...(result.value.detail.length === 0 ? {} : { detail: result.value.detail }),
  };
}

/** The values in the order of `keys`: the answer leaves out keys that do not exist. */
function decodeRead(body: Uint8Array, keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
  const response = decode(client.ClientResponseSchema, body);
  throwIfError(response, "read");
  const result = response.successResult;
  if (result.case !== "readData") throw invalid("a read was answered without read_data");
  const values = new Map<string, Uint8Array>();
  for (const entry of result.value.results) values.set(textOfBytes(entry.key), entry.value);
  return keys.map((key) => {
    const value = values.get(textOfBytes(key));
    return value === undefined ? undefined : new Uint8Array(value);
  });
}

function decodeScan(body: Uint8Array): ScanResult {
  const response = decode(client.ScanResponseSchema, body);
  return {
    entries: response.entries.map(({ key, value }) => ({
      key: new Uint8Array(key),
      value: new Uint8Array(value),
    })),
    revision: safeNumber(response.revision, "revision"),
  };
}

function decodeClusterView(body: Uint8Array): ClusterView {
  const membership = decode(cluster.ClusterMembershipSchema, body);
  return {
    version: safeNumber(membership.version, "version"),
    members: membership.nodes.map(memberOf),
    leaderId:
      membership.currentLeaderId === undefined ? undefined : idOf(membership.currentLeaderId),
  };
}

/** Throws `INVALID_RESPONSE` for what cannot be read. */
export function decodeMembershipSnapshot(body: Uint8Array): MembershipSnapshot {
  const snapshot = decode(client.MembershipSnapshotSchema, body);
  return {
    members: snapshot.members.map(idOf),
    learners: snapshot.learners.map(idOf),
    committedIndex: safeNumber(snapshot.committedIndex, "committed_index"),
  };
}

const POLICIES: Readonly<Record<Consistency, client.ReadConsistencyPolicy>> = {
  lease: client.ReadConsistencyPolicy.LEASE_READ,
  linearizable: client.ReadConsistencyPolicy.LINEARIZABLE_READ,
  eventual: client.ReadConsistencyPolicy.EVENTUAL_CONSISTENCY,
};

/** The number of a level; none for none, which leaves it to the other side. */
export function policyOf(
  consistency: Consistency | undefined,
): client.ReadConsistencyPolicy | undefined {
  return consistency === undefined ? undefined : POLICIES[consistency];
}

/** Throws `INVALID_REQUEST` for what is no level. */
export function checkConsistency(consistency: Consistency | undefined): Consistency | undefined {
  if (consistency === undefined || Object.hasOwn(POLICIES, consistency)) return consistency;
  const known = Object.keys(POLICIES).join(", ");
  throw new EngineError("INVALID_REQUEST", `consistency "${consistency}" is none of ${known}`);
}

function presentPolicy(consistency: Consistency | undefined): {
  readonly consistencyPolicy?: client.ReadConsistencyPolicy;
} {
  const consistencyPolicy = policyOf(consistency);
  return consistencyPolicy === undefined ? {} : { consistencyPolicy };
}

function throwIfError(response: client.ClientResponse, operation: OperationKind): void {
  if (response.error === 0) return;
  const known: EngineErrorCode | undefined = engineCodeOfNumber(response.error);
  const said = response.metadata?.debugMessage ?? "refused without a reason";
  // A number that this version does not know says nothing about what became of a write.
  const message = known === undefined ? `error ${response.error} of the contract: ${said}` : said;
  const retryAfterMs = response.metadata?.retryAfterMs;
  throw new EngineError(known ?? "OUTCOME_UNKNOWN", message, {
    leader: leaderOfMetadata(response.metadata),
    retryAfterMs: retryAfterMs === undefined ? undefined : safeNumber(retryAfterMs, "retry_after"),
    // A read changes nothing, whatever it failed of.
    ...(operation === "read" ? { outcome: "rejected" } : {}),
  });
}

function memberOf(node: cluster.NodeMeta): MemberInfo {
  return {
    id: idOf(node.id),
    address: node.address,
    status: STATUSES.get(node.status) ?? "promotable",
    role: ROLES.get(node.role),
  };
}

const STATUSES: ReadonlyMap<number, NodeStatus> = new Map([
  [common.NodeStatus.PROMOTABLE, "promotable"],
  [common.NodeStatus.READ_ONLY, "readOnly"],
  [common.NodeStatus.ACTIVE, "active"],
]);

const ROLES: ReadonlyMap<number, RoleKind> = new Map([
  [common.NodeRole.FOLLOWER, "follower"],
  [common.NodeRole.CANDIDATE, "candidate"],
  [common.NodeRole.LEADER, "leader"],
  [common.NodeRole.LEARNER, "learner"],
]);

function decode<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, body);
  } catch (cause) {
    throw new EngineError(
      "INVALID_RESPONSE",
      `an answer of ${body.length} bytes is not a ${schema.typeName}`,
      { cause },
    );
  }
}

function idOf(value: number): NodeId {
  if (value === 0) throw invalid("an answer names a node 0");
  return nodeId(value);
}

/** Throws `INVALID_RESPONSE` for what a number cannot hold. */
export function safeNumber(value: bigint, name: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalid(`${name} ${value} lies beyond 2^53 - 1`);
  return number;
}

function textOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function invalid(message: string): EngineError {
  return new EngineError("INVALID_RESPONSE", message);
}
