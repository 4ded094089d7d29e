import {
  AbstractKvClient,
  type Bytes,
  type CallOptions,
  Changes,
  type ClientSession,
  checkTtl,
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
  spanOf,
  type Watch,
  type WatchMembershipOptions,
  type WatchOptions,
} from "@d-engine/client";
import {
  CodecError,
  encodeCompareAndSwap,
  encodeDelete,
  encodeKvWrite,
  encodePut,
  type KvCommand,
  type KvQuery,
  type KvQueryResult,
  Slab,
} from "@d-engine/codec";
import { type Clock, EngineError, type NodeId } from "@d-engine/core";
import type { KvStateMachine, WriteOutcome } from "@d-engine/kv";
import { ArgumentBytes } from "./argument-bytes.js";
import type { KvNode } from "./driver/kv-node.js";
import { membershipSource } from "./driver/membership-source.js";
import { KeepAlive } from "./keep-alive.js";
import { EmbeddedWatch, type EmbeddedWatchOwner } from "./watch/embedded-watch.js";

/**
 * The client of an engine in the same process: no copy of a request but the one into the log, no
 * hop. On a node that does not lead, writes and lease reads reject with `NOT_LEADER` and a hint.
 *
 * @example
 * const client = engine.client();
 * await client.put("config/rate", "100");
 * await client.getString("config/rate"); // "100"
 */
export class EmbeddedClient extends AbstractKvClient {
  protected readonly clock: Clock;
  readonly #node: KvNode;
  readonly #watches = new Set<EmbeddedWatch>();
  readonly #commands = new Slab();
  readonly #copies = new Slab();
  readonly #keyBytes = new ArgumentBytes();
  readonly #valueBytes = new ArgumentBytes();
  readonly #expectedBytes = new ArgumentBytes();
  readonly #keepAlive = new KeepAlive();
  readonly #closing = new AbortController();
  readonly #watchOwner: EmbeddedWatchOwner = {
    keepAlive: this.#keepAlive,
    open: (spec, options) => this.#node.watch(spec, options),
    copy: (value) => this.#copies.copy(value),
    ended: (watch) => this.#watches.delete(watch),
  };
  #closed = false;

  constructor(node: KvNode) {
    super();
    this.#node = node;
    this.clock = node.driver.time.clock;
  }

  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult> {
    const lease = options?.lease;
    if (lease !== undefined) return this.putWithLease(key, value, { ...options, lease });
    return this.#write(putOutcome, options, () =>
      encodePut(
        this.#commands,
        this.#keyBytes.of(key, "key"),
        this.#valueBytes.of(value, "value"),
        checkTtl(options?.ttlMs),
      ),
    );
  }

  delete(key: Bytes, options?: CallOptions): Promise<boolean> {
    return this.#write(deleteOutcome, options, () =>
      encodeDelete(this.#commands, this.#keyBytes.of(key, "key")),
    );
  }

  compareAndSwap(
    key: Bytes,
    expected: Bytes | undefined,
    value: Bytes,
    options?: CallOptions,
  ): Promise<boolean> {
    return this.#write(swapOutcome, options, () =>
      encodeCompareAndSwap(
        this.#commands,
        this.#keyBytes.of(key, "key"),
        expected === undefined ? undefined : this.#expectedBytes.of(expected, "expected"),
        this.#valueBytes.of(value, "value"),
      ),
    );
  }

  override get(key: Bytes, options?: ReadOptions): Promise<Uint8Array | undefined> {
    return this.#read(options, () => {
      if (this.#isOneByteKey(key)) return (store) => this.#copy(store.getByString(key));
      const bytes = this.#keyBytes.of(key, "key");
      this.#node.checkKey(bytes);
      const level = options?.consistency ?? this.#node.driver.options.defaultConsistency;
      // An eventual read is served before this call returns; others may need the key later.
      const kept = level === "eventual" ? bytes : this.#copies.copy(bytes);
      return (store) => this.#copy(store.get(kept));
    });
  }

  getMulti(keys: readonly Bytes[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    return this.#read(options, () => {
      const owned = keys.map((key) => this.#ownKey(key));
      return (store) => store.getMulti(owned).map((value) => this.#copy(value));
    });
  }

  scanPrefix(prefix: Bytes, options?: ReadOptions): Promise<ScanResult> {
    return this.#read(options, () => {
      const owned = this.#copies.copy(this.#keyBytes.of(prefix, "prefix"));
      return (store) => {
        const { entries, revision } = store.scanPrefix(owned);
        const copied = entries.map(({ key, value }) => ({ key, value: this.#copies.copy(value) }));
        return { entries: copied, revision };
      };
    });
  }

  /**
   * The value of `key` as this node has applied it, at once: an `eventual` read without a promise.
   * Throws `EngineError` `CLOSED` when the engine does not serve.
   */
  getLocal(key: Bytes): Uint8Array | undefined {
    this.#checkOpen();
    this.#node.driver.checkServing();
    if (this.#isOneByteKey(key)) return this.#copy(this.#node.store.getByString(key));
    const bytes = this.#keyBytes.of(key, "key");
    this.#node.checkKey(bytes);
    return this.#copy(this.#node.store.get(bytes));
  }

  execute(command: KvCommand, options?: CallOptions): Promise<KvOutcome> {
    return this.#write(kvOutcome, options, () => encodeKvWrite(this.#commands, command));
  }

  carry(command: Uint8Array, options?: CallOptions): Promise<KvWriteOutcome> {
    return this.#write(writeOutcome, options, () => command);
  }

  openSession(options?: SessionOptions): Promise<ClientSession> {
    return openSession({ client: this, clock: this.clock, sessions: this.sessions }, options);
  }

  async query(query: KvQuery, options?: ReadOptions): Promise<KvQueryResult> {
    this.#checkOpen();
    return await this.#node.query(query, options);
  }

  /** What this node applies, whatever its role: no other node is asked. */
  watch(selection: KeySelection, options: WatchOptions = {}): Watch {
    this.#checkOpen();
    const watch = new EmbeddedWatch(this.#watchOwner, spanOf(selection), options);
    if (!watch.isOver) this.#watches.add(watch);
    return watch;
  }

  async listMembers(options?: CallOptions): Promise<readonly MemberInfo[]> {
    options?.signal?.throwIfAborted();
    this.#checkOpen();
    const { configuration, nodeId, role, leaderId } = this.#node.status();
    return configuration.members.map(({ id, address, status }) => {
      const known = id === nodeId ? role : id === leaderId ? "leader" : undefined;
      return { id, address, status, role: known };
    });
  }

  async getLeaderId(options?: CallOptions): Promise<NodeId | undefined> {
    options?.signal?.throwIfAborted();
    this.#checkOpen();
    return this.#node.driver.leader.current?.leaderId;
  }

  watchMembership(
    options: WatchMembershipOptions = {},
  ): AsyncIterableIterator<MembershipSnapshot, undefined> {
    this.#checkOpen();
    return new Changes(membershipSource(this.#node.driver), {
      signal: options.signal,
      closing: this.#closing.signal,
      keepAlive: this.#keepAlive,
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.abort();
    for (const watch of [...this.#watches]) watch.close();
    this.endLeases();
    await this.#node.driver.settled();
  }

  #write<T>(
    finish: (outcome: WriteOutcome) => T,
    options: CallOptions | undefined,
    encode: () => Uint8Array,
  ): Promise<T> {
    let command: Uint8Array;
    try {
      this.#checkOpen();
      command = encode();
    } catch (error) {
      return Promise.reject(asEngineError(error));
    }
    return this.#node.writeWith(command, finish, options);
  }

  /** `prepare` looks at the arguments now; what it returns is called when the read is served. */
  #read<T>(
    options: ReadOptions | undefined,
    prepare: () => (store: KvStateMachine) => T,
  ): Promise<T> {
    let serve: (store: KvStateMachine) => T;
    try {
      this.#checkOpen();
      serve = prepare();
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#node.readWith(serve, options);
  }

  /**
   * Whether `key` is the very string that the store has it under, and of a length that the store
   * takes: only ASCII has one byte for each character. Saves a read both encodings.
   */
  #isOneByteKey(key: Bytes): key is string {
    if (typeof key !== "string" || key.length === 0) return false;
    if (key.length > this.#node.store.limits.keyBytesMax) return false;
    for (let at = 0; at < key.length; at++) if (key.charCodeAt(at) > 0x7f) return false;
    return true;
  }

  #ownKey(key: Bytes): Uint8Array {
    const bytes = this.#keyBytes.of(key, "key");
    this.#node.checkKey(bytes);
    return this.#copies.copy(bytes);
  }

  /** What the store holds is shared with the log: users get bytes of their own. */
  #copy(value: Uint8Array | undefined): Uint8Array | undefined {
    return value === undefined ? undefined : this.#copies.copy(value);
  }

  #checkOpen(): void {
    if (this.#closed) throw new EngineError("CLOSED", "this client is closed");
  }
}

function putOutcome({ revision }: WriteOutcome): PutResult {
  return { revision };
}

function deleteOutcome({ existed }: WriteOutcome): boolean {
  return existed;
}

function swapOutcome({ succeeded }: WriteOutcome): boolean {
  return succeeded;
}

function kvOutcome({ succeeded, revision, detail }: WriteOutcome): KvOutcome {
  return { succeeded, revision, detail };
}

function writeOutcome(outcome: WriteOutcome): KvWriteOutcome {
  const { succeeded, revision, existed, detail } = outcome;
  return { succeeded, revision, existed, detail };
}

function asEngineError(error: unknown): unknown {
  if (!(error instanceof CodecError)) return error;
  return new EngineError("INVALID_REQUEST", error.message, { cause: error });
}
