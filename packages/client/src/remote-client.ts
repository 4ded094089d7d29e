import { type Clock, EngineError, type NodeId, type Random } from "@d-engine/core";
import { AbstractEngineClient } from "./abstract-engine-client.js";
import type { ClientTransport } from "./client-transport.js";
import type { ResolvedConnectOptions } from "./connect-options.js";
import { discoverCluster, leaderOf } from "./discovery.js";
import type {
  Bytes,
  CallOptions,
  MemberInfo,
  PutOptions,
  PutResult,
  ReadOptions,
  ScanResult,
} from "./engine-client.js";
import type { Route } from "./leader-cache.js";
import { LeaderCache } from "./leader-cache.js";
import { RetryingCaller } from "./retrying-caller.js";
import { toBytes } from "./to-bytes.js";
import {
  type ClusterView,
  decodeClusterView,
  decodeRead,
  decodeScan,
  decodeWrite,
  encodeRead,
  encodeScan,
  encodeWrite,
  METADATA_REQUEST,
  type WriteAnswer,
  type WriteOperation,
} from "./wire-messages.js";

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
 * answered rejects with `OUTCOME_UNKNOWN` and is never sent twice.
 */
export class RemoteClient extends AbstractEngineClient {
  readonly #options: ResolvedConnectOptions;
  readonly #ports: ClientPorts;
  readonly #cache: LeaderCache;
  readonly #caller: RetryingCaller;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedConnectOptions, ports: ClientPorts) {
    super();
    this.#options = options;
    this.#ports = ports;
    this.#cache = new LeaderCache(options.endpoints, ports.random.next());
    this.#caller = new RetryingCaller({ ...options, ...ports, cache: this.#cache });
  }

  /**
   * Asks the endpoints and all known members again until one names a leader that can serve, and
   * connects to every member. Rejects with `CLUSTER_UNAVAILABLE` after `readyTimeoutMs`.
   */
  async refresh(options: CallOptions = {}): Promise<void> {
    if (this.#closed !== undefined) throw new EngineError("CLOSED", "the client is closed");
    const { view } = await discoverCluster(this.#cache.addresses, {
      ...this.#ports,
      timeoutMs: options.timeoutMs ?? this.#options.readyTimeoutMs,
      signal: options.signal,
    });
    this.#learn(view);
  }

  async put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult> {
    const { revision } = await this.#write(
      {
        kind: "put",
        key: toBytes(key, "key"),
        value: toBytes(value, "value"),
        ttlMs: checkTtl(options?.ttlMs),
      },
      options,
    );
    return { revision };
  }

  async delete(key: Bytes, options?: CallOptions): Promise<boolean> {
    const { existed } = await this.#write({ kind: "delete", key: toBytes(key, "key") }, options);
    return existed;
  }

  async compareAndSwap(
    key: Bytes,
    expected: Bytes | undefined,
    value: Bytes,
    options?: CallOptions,
  ): Promise<boolean> {
    const { succeeded } = await this.#write(
      {
        kind: "compareAndSwap",
        key: toBytes(key, "key"),
        expected: expected === undefined ? undefined : toBytes(expected, "expected value"),
        value: toBytes(value, "value"),
      },
      options,
    );
    return succeeded;
  }

  async getMulti(
    keys: readonly Bytes[],
    options?: ReadOptions,
  ): Promise<(Uint8Array | undefined)[]> {
    // Copied, as the caller may change its arrays while the answer is under way. Not by `slice`,
    // which on a Buffer makes a view.
    const wanted = keys.map((key) => new Uint8Array(toBytes(key, "key")));
    return await this.#caller.run(
      {
        kind: "read",
        method: "read",
        route: routeOf(options),
        request: encodeRead(wanted, options?.consistency),
        decode: (body) => decodeRead(body, wanted),
      },
      options,
    );
  }

  async scanPrefix(prefix: Bytes, options?: ReadOptions): Promise<ScanResult> {
    return await this.#caller.run(
      {
        kind: "read",
        method: "scan",
        route: routeOf(options),
        request: encodeScan(toBytes(prefix, "prefix"), options?.consistency),
        decode: decodeScan,
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

  /** Members, leader and configuration version, all from one answer of one node. */
  async clusterView(options?: CallOptions): Promise<ClusterView> {
    const view = await this.#caller.run(
      {
        kind: "read",
        method: "metadata",
        route: "leader",
        request: METADATA_REQUEST,
        decode: decodeClusterView,
      },
      options,
    );
    this.#learn(view);
    return view;
  }

  close(): Promise<void> {
    this.#closed ??= this.#caller.drain().then(() => this.#ports.transport.close());
    return this.#closed;
  }

  #write(operation: WriteOperation, options: CallOptions | undefined): Promise<WriteAnswer> {
    return this.#caller.run(
      {
        kind: "write",
        method: "write",
        route: "leader",
        request: encodeWrite(operation),
        decode: decodeWrite,
      },
      options,
    );
  }

  #learn(view: ClusterView): void {
    this.#cache.learn(view.members, leaderOf(view));
    this.#ports.transport.retain(this.#cache.addresses);
  }
}

/** Only eventual reads may be answered by any node; the server's default may not be one. */
function routeOf(options: ReadOptions | undefined): Route {
  return options?.consistency === "eventual" ? "any" : "leader";
}

function checkTtl(ttlMs: number | undefined): number | undefined {
  if (ttlMs === undefined || (Number.isSafeInteger(ttlMs) && ttlMs >= 1)) return ttlMs;
  throw new EngineError(
    "INVALID_REQUEST",
    `ttlMs must be an integer of milliseconds, 1 or more, got ${ttlMs}`,
  );
}
