import {
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
import type { Consistency, MemberInfo, ScanResult } from "./engine-client.js";
import type { OperationKind } from "./retry.js";
import { engineCodeOfNumber, leaderOfMetadata } from "./wire-errors.js";

/** One write as callers state it. */
export type WriteOperation =
  | {
      readonly kind: "put";
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      /** Milliseconds to live; `undefined` for ever. */
      readonly ttlMs: number | undefined;
    }
  | { readonly kind: "delete"; readonly key: Uint8Array }
  | {
      readonly kind: "compareAndSwap";
      readonly key: Uint8Array;
      readonly expected: Uint8Array | undefined;
      readonly value: Uint8Array;
    };

export interface WriteAnswer {
  readonly succeeded: boolean;
  readonly revision: number;
  readonly existed: boolean;
}

/** The members and the leader, as one node reports them. */
export interface ClusterView {
  /** Index of the configuration entry that made this membership. */
  readonly version: number;
  readonly members: readonly MemberInfo[];
  /** Absent until the leader can serve; then one of `members`. */
  readonly leaderId: NodeId | undefined;
}

export function encodeWrite(operation: WriteOperation): Uint8Array {
  const command = create(client.WriteCommandSchema, { operation: wireOperation(operation) });
  return toBinary(
    client.ClientWriteRequestSchema,
    create(client.ClientWriteRequestSchema, { command }),
  );
}

export function encodeRead(
  keys: readonly Uint8Array[],
  consistency: Consistency | undefined,
): Uint8Array {
  const consistencyPolicy = policyOf(consistency);
  return toBinary(
    client.ClientReadRequestSchema,
    create(client.ClientReadRequestSchema, {
      keys: [...keys],
      ...(consistencyPolicy === undefined ? {} : { consistencyPolicy }),
    }),
  );
}

export function encodeScan(prefix: Uint8Array, consistency: Consistency | undefined): Uint8Array {
  const consistencyPolicy = policyOf(consistency);
  return toBinary(
    client.ScanRequestSchema,
    create(client.ScanRequestSchema, {
      prefix,
      ...(consistencyPolicy === undefined ? {} : { consistencyPolicy }),
    }),
  );
}

/** `MetadataRequest` has no fields, so no bytes. */
export const METADATA_REQUEST = new Uint8Array(0);

export function decodeWrite(body: Uint8Array): WriteAnswer {
  const response = decode(client.ClientResponseSchema, body);
  throwIfError(response, "write");
  const result = response.successResult;
  if (result.case !== "writeResult") throw invalid("a write was answered without write_result");
  return {
    succeeded: result.value.succeeded,
    revision: safeNumber(result.value.revision, "revision"),
    existed: result.value.existed,
  };
}

/** The values in the order of `keys`: the answer leaves out keys that do not exist. */
export function decodeRead(
  body: Uint8Array,
  keys: readonly Uint8Array[],
): (Uint8Array | undefined)[] {
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

export function decodeScan(body: Uint8Array): ScanResult {
  const response = decode(client.ScanResponseSchema, body);
  return {
    entries: response.entries.map(({ key, value }) => ({
      key: new Uint8Array(key),
      value: new Uint8Array(value),
    })),
    revision: safeNumber(response.revision, "revision"),
  };
}

export function decodeClusterView(body: Uint8Array): ClusterView {
  const membership = decode(cluster.ClusterMembershipSchema, body);
  return {
    version: safeNumber(membership.version, "version"),
    members: membership.nodes.map(memberOf),
    leaderId:
      membership.currentLeaderId === undefined ? undefined : idOf(membership.currentLeaderId),
  };
}

function wireOperation(operation: WriteOperation): client.WriteCommand["operation"] {
  switch (operation.kind) {
    case "put": {
      const ttlMs = operation.ttlMs ?? 0;
      const value = create(client.WriteCommand_InsertSchema, {
        key: operation.key,
        value: operation.value,
        // Both, so that a reader that knows only seconds never expires a key early (rule R15).
        ttlSecs: BigInt(Math.ceil(ttlMs / 1000)),
        ttlMs: BigInt(ttlMs),
      });
      return { case: "insert", value };
    }
    case "delete":
      return {
        case: "delete",
        value: create(client.WriteCommand_DeleteSchema, { key: operation.key }),
      };
    case "compareAndSwap": {
      const value = create(client.WriteCommand_CompareAndSwapSchema, {
        key: operation.key,
        newValue: operation.value,
        ...(operation.expected === undefined ? {} : { expectedValue: operation.expected }),
      });
      return { case: "compareAndSwap", value };
    }
  }
}

const POLICIES: Readonly<Record<Consistency, client.ReadConsistencyPolicy>> = {
  lease: client.ReadConsistencyPolicy.LEASE_READ,
  linearizable: client.ReadConsistencyPolicy.LINEARIZABLE_READ,
  eventual: client.ReadConsistencyPolicy.EVENTUAL_CONSISTENCY,
};

function policyOf(consistency: Consistency | undefined): client.ReadConsistencyPolicy | undefined {
  if (consistency === undefined) return undefined;
  const policy = POLICIES[consistency];
  if (policy !== undefined) return policy;
  const known = Object.keys(POLICIES).join(", ");
  throw new EngineError("INVALID_REQUEST", `consistency "${consistency}" is none of ${known}`);
}

/** Absent means leave it to the other side, so there is no default here. */
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

function safeNumber(value: bigint, name: string): number {
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
