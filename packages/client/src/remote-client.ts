import {
  type CommandResult,
  decodeCommandResult,
  encodeKvQuery,
  type KvQuery,
  type KvQueryResult,
} from "@d-engine/codec";
import { type Clock, EngineError, type NodeId, type Random } from "@d-engine/core";
import type { ClientTransport } from "./client-transport.js";
import type { ResolvedConnectOptions } from "./connect-options.js";
import { discoverCluster, leaderOf } from "./discovery.js";
import type {
  Bytes,
  CallOptions,
  Consistency,
  MemberInfo,
  MembershipSnapshot,
  ReadOptions,
  ScanResult,
  WatchMembershipOptions,
} from "./engine-client.js";
import type { ClientSession } from "./exactly-once/client-session.js";
import { openSession } from "./exactly-once/open-session.js";
import type { SessionOptions } from "./exactly-once/session-options.js";
import type { KeySelection } from "./key-selection.js";
import { EncodingClient, encoding } from "./kv/encoding-client.js";
import type { KvWriteOutcome } from "./kv/kv-port.js";
import type { Route } from "./leader-cache.js";
import { LeaderCache } from "./leader-cache.js";
import { RemoteMembership } from "./membership/remote-membership.js";
import { checkTimeout, RetryingCaller } from "./retrying-caller.js";
import { Changes } from "./streams/changes.js";
import { toBytes } from "./to-bytes.js";
import { WatchStream } from "./watch/watch-stream.js";
import type { Watch, WatchOptions } from "./watch/watch-types.js";
import { type ClusterView, checkConsistency } from "./wire-messages.js";

/** What a client stands on; replaced as a whole in simulation. */
export interface ClientPorts {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * A cluster reached over the network. Made by `connect`.
 *
 * A call goes to the leader and follows it when it moves; eventual reads stay with one node. What
 * surely had no effect is tried again until the call's deadline. A write that was sent and not
 * answered rejects with `OUTCOME_UNKNOWN` and is never sent twice, unless it is a session's.
 */
export class RemoteClient extends EncodingClient {
  protected readonly clock: Clock;
  readonly #options: ResolvedConnectOptions;
  readonly #ports: ClientPorts;
  readonly #cache: LeaderCache;
  readonly #caller: RetryingCaller;
  readonly #watches: WatchStream;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedConnectOptions, ports: ClientPorts) {
    super();
    this.clock = ports.clock;
    this.#options = options;
    this.#ports = ports;
    this.#cache = new LeaderCache(options.endpoints, ports.random.next());
    const { timeoutMs } = options;
    this.#caller = new RetryingCaller({ ...options, ...ports, cache: this.#cache });
    this.#watches = new WatchStream({ ...ports, cache: this.#cache, timeoutMs });
  }

  /**
   * Asks the endpoints and all known members again until one names a leader that can serve, and
   * connects to every member. Rejects with `CLUSTER_UNAVAILABLE` after `readyTimeoutMs`.
   */
  async refresh(options: CallOptions = {}): Promise<void> {
    this.#checkOpen();
    const { view } = await discoverCluster(this.#cache.addresses, {
      ...this.#ports,
      timeoutMs: options.timeoutMs ?? this.#options.readyTimeoutMs,
      signal: options.signal,
    });
    this.#learn(view);
  }

  async getMulti(
    keys: readonly Bytes[],
    options?: ReadOptions,
  ): Promise<(Uint8Array | undefined)[]> {
    const consistency = checkConsistency(options?.consistency);
    // Copied, as the caller may change its arrays while the answer is under way.
    const wanted = keys.map((key) => this.slab.copy(toBytes(key, "key")));
    const values = await this.#caller.run<"read">(
      {
        kind: "read",
        route: routeOf(consistency),
        request: { kind: "read", keys: wanted, consistency },
      },
      options,
    );
    return [...values];
  }

  async scanPrefix(prefix: Bytes, options?: ReadOptions): Promise<ScanResult> {
    const consistency = checkConsistency(options?.consistency);
    const wanted = this.slab.copy(toBytes(prefix, "prefix"));
    return await this.#caller.run<"scan">(
      {
        kind: "read",
        route: routeOf(consistency),
        request: { kind: "scan", prefix: wanted, consistency },
      },
      options,
    );
  }

  async listMembers(options?: CallOptions): Promise<readonly MemberInfo[]> {
    const { members } = await this.clusterView(options);
    return members;
  }

  async getLeaderId(options?: CallOptions): Promise<NodeId | undefined> {
    const { leaderId } = await this.clusterView(options);
    return leaderId;
  }

  async carry(command: Uint8Array, options?: CallOptions): Promise<KvWriteOutcome> {
    const { detail, ...answer } = await this.#caller.run<"write">(
      { kind: "write", route: "leader", request: { kind: "write", command } },
      options,
    );
    return { ...answer, detail: detailOf(detail) };
  }

  async query(query: KvQuery, options?: ReadOptions): Promise<KvQueryResult> {
    const consistency = checkConsistency(options?.consistency);
    const encoded = encoding(() => encodeKvQuery(query));
    return await this.#caller.run<"query">(
      {
        kind: "read",
        route: routeOf(consistency),
        request: { kind: "query", query: encoded, consistency },
      },
      options,
    );
  }

  openSession(options?: SessionOptions): Promise<ClientSession> {
    return openSession({ client: this, clock: this.clock, sessions: this.sessions }, options);
  }

  watch(selection: KeySelection, options: WatchOptions = {}): Watch {
    return this.#watches.watch(selection, options);
  }

  /** Members, leader and configuration version, all from one answer of one node. */
  async clusterView(options?: CallOptions): Promise<ClusterView> {
    const view = await this.#caller.run<"metadata">(
      { kind: "read", route: "leader", request: { kind: "metadata" } },
      options,
    );
    this.#learn(view);
    return view;
  }

  watchMembership(
    options: WatchMembershipOptions = {},
  ): AsyncIterableIterator<MembershipSnapshot, undefined> {
    this.#checkOpen();
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#options.timeoutMs);
    const source = new RemoteMembership({
      ...this.#ports,
      cache: this.#cache,
      timeoutMs,
      onChange: () => this.#refreshQuietly(),
    });
    const { signal } = options;
    return new Changes(source, { signal, closing: this.#closing.signal }) as AsyncIterableIterator<
      MembershipSnapshot,
      undefined
    >;
  }

  close(): Promise<void> {
    this.#closing.abort();
    this.#watches.close();
    this.endLeases();
    this.#closed ??= this.#caller.drain().then(() => this.#ports.transport.close());
    return this.#closed;
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new EngineError("CLOSED", "the client is closed");
  }

  /** Learns where new members are; without an answer the next change, or call, is as good. */
  #refreshQuietly(): void {
    this.clusterView().catch(() => undefined);
  }

  #learn(view: ClusterView): void {
    this.#cache.learn(view.members, leaderOf(view));
    this.#ports.transport.retain(this.#cache.addresses);
  }
}

/** Only eventual reads may be answered by any node; the server's default may not be one. */
function routeOf(consistency: Consistency | undefined): Route {
  return consistency === "eventual" ? "any" : "leader";
}

/** What a command did; it happened, even when what came back of it cannot be read. */
function detailOf(detail: Uint8Array | undefined): CommandResult | undefined {
  if (detail === undefined || detail.length === 0) return undefined;
  try {
    return decodeCommandResult(detail);
  } catch (cause) {
    const message = "the result of a command cannot be read";
    throw new EngineError("INVALID_RESPONSE", message, { cause, outcome: "unknown" });
  }
}
