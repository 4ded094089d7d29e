import type { KeyValue } from "@d-engine/client";
import { decodeKvQuery, type KvQuery, type KvQueryResult } from "@d-engine/codec";
import {
  changeConfiguration,
  EngineError,
  type LeaderHint,
  LOG_ORIGIN,
  type LogIndex,
  type Member,
  type MembershipChange,
  type MembershipConfiguration,
  type NodeId,
  type NodeIdentity,
  nodeId,
  type Term,
} from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { client, fromBinary } from "@d-engine/proto";
import type {
  DeadlineOptions,
  LocalMembership,
  LocalNode,
  LocalNodeStatus,
  MembershipChangeOptions,
  ReadRequestOptions,
  WatchRequestOptions,
  WriteOutcome,
} from "../src/driver/local-node.js";
import type { MembershipListener } from "../src/driver/membership-feed.js";
import type { NodeAuth } from "../src/driver/node-auth.js";
import type { LocalWatch, WatchSpec } from "../src/watch/local-watch.js";
import type { WatchHub } from "../src/watch/watch-hub.js";

/**
 * One node of a cluster whose members share one map: every role and every fault that a gRPC
 * service or a client can meet, without elections. What is set on it holds from the next call on.
 */
export class MapNode implements LocalNode {
  /** Nobody is asked for. */
  readonly auth: NodeAuth = {
    state: new KvStateMachine().auth,
    checkRoot: () => undefined,
    checkUser: () => undefined,
    change: () => Promise.reject(new EngineError("UNIMPLEMENTED", "a map has no users")),
  };
  readonly #id: NodeId;
  readonly #shared: SharedState;
  /** Thrown by every write or read while set. */
  refusal: EngineError | undefined;
  /** While true, calls wait until their signal aborts. */
  hangs = false;
  /** Whether this node leads; set for one node of a cluster. */
  ready = true;
  stopped = false;
  /** Serves the watches; nothing is written through it. */
  hub: WatchHub | undefined;
  /** What queries are answered with. */
  queryResult: KvQueryResult = { kind: "leases", ids: [] };
  /** What a write answers besides. */
  outcome: Pick<WriteOutcome, "detail"> = {};
  readonly queries: KvQuery[] = [];
  readonly seen: {
    readonly kind: "write" | "read" | "scan" | "query";
    readonly options: ReadRequestOptions;
  }[] = [];

  constructor(id: number, shared: SharedState) {
    this.#id = nodeId(id);
    this.#shared = shared;
  }

  get identity(): NodeIdentity {
    const { members } = this.#shared;
    return {
      nodeId: this.#id,
      clusterId: "c".repeat(32),
      instanceId: "1".repeat(32),
      bootstrap: { logId: LOG_ORIGIN, members, outgoingVoters: undefined },
      joinedAt: LOG_ORIGIN.index,
    };
  }

  get membership(): LocalMembership {
    return {
      configuration: this.status().configuration,
      subscribe: (listener) => {
        this.#shared.listeners.add(listener);
        return () => this.#shared.listeners.delete(listener);
      },
      change: (change, options) => this.#change(change, options ?? {}),
    };
  }

  async #change(
    change: MembershipChange,
    { version }: MembershipChangeOptions,
  ): Promise<MembershipConfiguration> {
    if (this.refusal !== undefined) throw this.refusal;
    const { configuration } = this.status();
    const { index, term } = configuration.logId;
    if (!this.leads) {
      const leader = this.leaderHint();
      throw new EngineError("NOT_LEADER", `node ${this.#id} does not lead`, { leader });
    }
    if (version !== undefined && version !== index) {
      throw new EngineError("VERSION_CONFLICT", `the members are of version ${index}`);
    }
    const logId = { term, index: (index + 1) as LogIndex };
    const next = changeConfiguration(configuration, change, logId);
    publishMembers(this.#shared, next.members);
    return next;
  }

  get leads(): boolean {
    return this.#shared.leaderId === this.#id;
  }

  status(): LocalNodeStatus {
    if (this.stopped) throw new EngineError("CLOSED", "the node has stopped");
    const index = this.#shared.revision as LogIndex;
    return {
      nodeId: this.#id,
      clusterId: "test",
      role: this.leads ? "leader" : "follower",
      term: 3 as Term,
      leaderId: this.#shared.leaderId,
      leaderReady: this.leads && this.ready,
      commitIndex: Math.max(index, 1) as LogIndex,
      lastApplied: index,
      lastLogIndex: index,
      configuration: {
        logId: { term: 1 as Term, index: this.#shared.configurationIndex as LogIndex },
        members: this.#shared.members,
        outgoingVoters: undefined,
      },
      configurationVersion: this.#shared.configurationIndex as LogIndex,
      revision: this.#shared.revision,
      logBytes: 0,
      keys: this.#shared.data.size,
    };
  }

  leaderHint(): LeaderHint | undefined {
    const { leaderId, members } = this.#shared;
    if (leaderId === undefined) return undefined;
    return { leaderId, address: members.find(({ id }) => id === leaderId)?.address ?? "" };
  }

  async write(command: Uint8Array, options: DeadlineOptions = {}): Promise<WriteOutcome> {
    await this.#enter("write", options, true);
    const { operation } = decodeCommand(command);
    switch (operation.case) {
      case "insert":
        return this.#set(operation.value.key, operation.value.value);
      case "delete":
        return this.#set(operation.value.key, undefined);
      case "compareAndSwap": {
        const { key, expectedValue, newValue } = operation.value;
        const current = this.#shared.data.get(textOf(key));
        const matches =
          expectedValue === undefined
            ? current === undefined
            : current !== undefined && Buffer.compare(current, expectedValue) === 0;
        if (matches) return this.#set(key, newValue);
        return {
          succeeded: false,
          revision: this.#shared.revision,
          existed: current !== undefined,
        };
      }
      default:
        throw new EngineError("INVALID_REQUEST", "the command has no operation");
    }
  }

  async read(
    keys: readonly Uint8Array[],
    options: ReadRequestOptions = {},
  ): Promise<readonly (Uint8Array | undefined)[]> {
    await this.#enter("read", options, options.consistency !== "eventual");
    return keys.map((key) => this.#shared.data.get(textOf(key)));
  }

  async scan(
    prefix: Uint8Array,
    options: ReadRequestOptions = {},
  ): Promise<{ readonly entries: readonly KeyValue[]; readonly revision: number }> {
    await this.#enter("scan", options, options.consistency !== "eventual");
    const entries = [...this.#shared.data]
      .filter(([key]) => key.startsWith(textOf(prefix)))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key: Buffer.from(key, "latin1"), value }));
    return { entries, revision: this.#shared.revision };
  }

  async query(
    query: Uint8Array | KvQuery,
    options: ReadRequestOptions = {},
  ): Promise<KvQueryResult> {
    await this.#enter("query", options, options.consistency !== "eventual");
    this.queries.push(query instanceof Uint8Array ? decodeKvQuery(query) : query);
    return this.queryResult;
  }

  watch(spec: WatchSpec, options?: WatchRequestOptions): LocalWatch {
    if (this.refusal !== undefined) throw this.refusal;
    if (this.hub === undefined) throw new EngineError("UNIMPLEMENTED", "no hub was given");
    return this.hub.watch(spec, options);
  }

  async #enter(
    kind: "write" | "read" | "scan" | "query",
    options: ReadRequestOptions,
    leaderOnly: boolean,
  ): Promise<void> {
    this.seen.push({ kind, options });
    if (this.hangs) await aborted(options.signal);
    if (this.refusal !== undefined) throw this.refusal;
    if (!leaderOnly || this.leads) return;
    throw new EngineError("NOT_LEADER", `node ${this.#id} does not lead`, {
      leader: this.leaderHint(),
    });
  }

  #set(key: Uint8Array, value: Uint8Array | undefined): WriteOutcome {
    const { data } = this.#shared;
    const name = textOf(key);
    const existed = data.has(name);
    if (value === undefined) data.delete(name);
    else data.set(name, value);
    if (existed || value !== undefined) this.#shared.revision += 1;
    return { succeeded: true, revision: this.#shared.revision, existed, ...this.outcome };
  }
}

/** What the nodes of one cluster have in common. */
export interface SharedState {
  readonly data: Map<string, Uint8Array>;
  revision: number;
  leaderId: NodeId | undefined;
  members: readonly Member[];
  /** Index of the entry that made `members`. */
  configurationIndex: number;
  readonly listeners: Set<MembershipListener>;
}

/** Other members, made by the next entry, and word of them to whoever listens. */
export function publishMembers(shared: SharedState, members: readonly Member[]): void {
  shared.members = members;
  shared.configurationIndex += 1;
  const logId = { term: 1 as Term, index: shared.configurationIndex as LogIndex };
  for (const tell of shared.listeners) tell({ logId, members, outgoingVoters: undefined });
}

export function sharedState(addresses: readonly string[]): SharedState {
  return {
    data: new Map(),
    revision: 0,
    leaderId: nodeId(1),
    configurationIndex: 1,
    listeners: new Set(),
    members: addresses.map((address, at) => ({
      id: nodeId(at + 1),
      address,
      status: "active" as const,
    })),
  };
}

function decodeCommand(command: Uint8Array): client.WriteCommand {
  try {
    return fromBinary(client.WriteCommandSchema, command);
  } catch (cause) {
    throw new EngineError("INVALID_REQUEST", "the command cannot be decoded", { cause });
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function aborted(signal: DeadlineOptions["signal"]): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}
