import {
  AbstractKvClient,
  type Bytes,
  type CallOptions,
  type ClientSession,
  type KeySelection,
  type KvOutcome,
  type KvWriteOutcome,
  type MemberInfo,
  type MembershipSnapshot,
  openSession,
  type PutOptions,
  type PutResult,
  type ReadOptions,
  type ScanResult,
  type SessionOptions,
  type Watch,
  type WatchMembershipOptions,
  type WatchOptions,
} from "@d-engine/client";
import { type KvCommand, type KvQuery, type KvQueryResult, Slab } from "@d-engine/codec";
import { type Clock, type EngineError, isEngineError, type NodeId } from "@d-engine/core";
import type { KvNode } from "./driver/kv-node.js";
import type { EmbeddedClient } from "./embedded-client.js";

export interface ForwardingClientSetup {
  readonly node: KvNode;
  readonly local: EmbeddedClient;
  readonly clock: Clock;
  /** For calls that state no time of their own, in milliseconds. */
  readonly timeoutMs: number;
  /** Makes a client of the other members; called once, when the first call needs it. */
  readonly connectPeers: () => AbstractKvClient;
}

/**
 * The client of an engine that is one of several: what this node can serve it serves, at once and
 * in memory; what only the leader can do goes there, whichever node that is by then. Servers never
 * forward, so that a call takes one hop at most and cannot go in circles.
 */
export class ForwardingClient extends AbstractKvClient {
  protected readonly clock: Clock;
  readonly #setup: ForwardingClientSetup;
  readonly #local: EmbeddedClient;
  readonly #copies = new Slab();
  #remote: AbstractKvClient | undefined;
  #closed = false;

  constructor(setup: ForwardingClientSetup) {
    super();
    this.#setup = setup;
    this.#local = setup.local;
    this.clock = setup.clock;
  }

  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult> {
    const lease = options?.lease;
    if (lease !== undefined) return this.putWithLease(key, value, { ...options, lease });
    if (this.#leadsAlone) return this.#local.put(key, value, options);
    const owned = { key: this.#own(key), value: this.#own(value) };
    return this.#run(options, (client, rest) => client.put(owned.key, owned.value, rest));
  }

  delete(key: Bytes, options?: CallOptions): Promise<boolean> {
    if (this.#leadsAlone) return this.#local.delete(key, options);
    const owned = this.#own(key);
    return this.#run(options, (client, rest) => client.delete(owned, rest));
  }

  compareAndSwap(
    key: Bytes,
    expected: Bytes | undefined,
    value: Bytes,
    options?: CallOptions,
  ): Promise<boolean> {
    if (this.#leadsAlone) return this.#local.compareAndSwap(key, expected, value, options);
    const owned = { key: this.#own(key), value: this.#own(value) };
    const before = expected === undefined ? undefined : this.#own(expected);
    return this.#run(options, (client, rest) =>
      client.compareAndSwap(owned.key, before, owned.value, rest),
    );
  }

  override get(key: Bytes, options?: ReadOptions): Promise<Uint8Array | undefined> {
    if (this.#leadsAlone) return this.#local.get(key, options);
    const owned = this.#own(key);
    return this.#run(options, (client, rest) => client.get(owned, rest));
  }

  getMulti(keys: readonly Bytes[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    const owned = keys.map((key) => this.#own(key));
    return this.#run(options, (client, rest) => client.getMulti(owned, rest));
  }

  scanPrefix(prefix: Bytes, options?: ReadOptions): Promise<ScanResult> {
    const owned = this.#own(prefix);
    return this.#run(options, (client, rest) => client.scanPrefix(owned, rest));
  }

  execute(command: KvCommand, options?: CallOptions): Promise<KvOutcome> {
    if (this.#leadsAlone) return this.#local.execute(command, options);
    return this.#run(options, (client, rest) => client.execute(command, rest));
  }

  carry(command: Uint8Array, options?: CallOptions): Promise<KvWriteOutcome> {
    if (this.#leadsAlone) return this.#local.carry(command, options);
    return this.#run(options, (client, rest) => client.carry(command, rest));
  }

  openSession(options?: SessionOptions): Promise<ClientSession> {
    return openSession({ client: this, clock: this.clock, sessions: this.sessions }, options);
  }

  query(query: KvQuery, options?: ReadOptions): Promise<KvQueryResult> {
    return this.#run(options, (client, rest) => client.query(query, rest));
  }

  /** What this node applies, whatever its role: no other node is asked. */
  watch(selection: KeySelection, options?: WatchOptions): Watch {
    return this.#local.watch(selection, options);
  }

  /**
   * The value of `key` as this node has applied it, at once: an `eventual` read without a promise.
   * Throws `EngineError` `CLOSED` when the engine does not serve.
   */
  getLocal(key: Bytes): Uint8Array | undefined {
    return this.#local.getLocal(key);
  }

  listMembers(options?: CallOptions): Promise<readonly MemberInfo[]> {
    return this.#local.listMembers(options);
  }

  getLeaderId(options?: CallOptions): Promise<NodeId | undefined> {
    return this.#local.getLeaderId(options);
  }

  watchMembership(
    options?: WatchMembershipOptions,
  ): AsyncIterableIterator<MembershipSnapshot, undefined> {
    return this.#local.watchMembership(options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.endLeases();
    await this.#local.close();
    await this.#remote?.close();
  }

  /** The common case of a single node, and the fast one: nobody else could be asked. */
  get #leadsAlone(): boolean {
    return this.#setup.node.isOnlyMember;
  }

  /**
   * Bytes that stay as they are while a call is under way. What is no array cannot change, or is
   * refused by the call itself.
   */
  #own(bytes: Bytes): Bytes {
    // Not `slice`: of a Buffer that is a view, which the caller may still write to.
    return bytes instanceof Uint8Array ? this.#copies.copy(bytes) : bytes;
  }

  /**
   * Tries here, and at the leader when this node turns out not to be it. Only what surely had no
   * effect here is sent on (C2), within the time that the caller gave.
   */
  async #run<T>(
    options: CallOptions | undefined,
    call: (client: AbstractKvClient, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const { clock, timeoutMs } = this.#setup;
    const deadlineMs = clock.nowMs() + (options?.timeoutMs ?? timeoutMs);
    try {
      return await call(this.#local, options ?? {});
    } catch (error) {
      if (this.#closed || !mayBeForwarded(error)) throw error;
      const remainingMs = deadlineMs - clock.nowMs();
      if (remainingMs < 1) throw error;
      this.#remote ??= this.#setup.connectPeers();
      return await call(this.#remote, { ...options, timeoutMs: remainingMs });
    }
  }
}

function mayBeForwarded(error: unknown): error is EngineError {
  if (!isEngineError(error) || error.outcome !== "rejected") return false;
  const { code } = error;
  return code === "NOT_LEADER" || code === "LEADER_CHANGED" || code === "CLUSTER_UNAVAILABLE";
}
