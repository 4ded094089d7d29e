import { type Clock, EngineError, isEngineError, type Timer } from "@d-engine/core";
import type { CallOptions, ReadOptions } from "../engine-client.js";
import type { KvPort } from "./kv-port.js";

/** What the cluster knows of a lease. */
export interface LeaseStatus {
  readonly id: number;
  /** Milliseconds that a grant or keep-alive is good for. */
  readonly ttlMs: number;
  /** Milliseconds until it ends, by the time of the cluster. */
  readonly remainingMs: number;
  /** The keys that end with it; empty when they were not asked for. */
  readonly keys: readonly Uint8Array[];
}

/** Options of `grantLease`. */
export interface GrantOptions extends CallOptions {
  /**
   * The id that the lease is to have; `LEASE_EXISTS` when it is taken.
   * @defaultValue the store chooses
   */
  readonly id?: number;
  /**
   * Whether it is kept alive until it is revoked or the client closed.
   * @defaultValue true
   */
  readonly keepAlive?: boolean;
}

/** Options of `timeToLive`. */
export interface TimeToLiveOptions extends ReadOptions {
  /**
   * Whether the keys are wanted too.
   * @defaultValue false
   */
  readonly keys?: boolean;
}

/** Ends of a lease that nobody renews come this much of its time too early, for its holder. */
const safetyShare = 0.1;
/** The signal comes this much of the time before that, so that the work can end in time. */
const warningShare = 0.02;
/** A lease is renewed after this share of its time, */
const renewShare = 1 / 3;
/** and a renewal that failed is repeated after this one. */
const repeatShare = 1 / 20;

export interface LeaseSetup {
  readonly port: KvPort;
  readonly clock: Clock;
  readonly id: number;
  readonly ttlMs: number;
  /** When the grant was sent, by the clock. */
  readonly sentMs: number;
  readonly keepAlive: boolean;
  /** It needs no keeping any more. */
  readonly onEnd: (lease: Lease) => void;
}

/**
 * A lease and its keeping. Keys put with it are deleted when it ends: revoked, or not renewed for
 * `ttlMs`. It is held until a tenth of that before the time counted from when the last renewal that
 * was acknowledged was *sent*, on the clock of this process, so no delay and no clock of another
 * machine makes the holder believe in it for too long (rule R18).
 *
 * @example
 * await using lease = await client.grantLease(10_000);
 * await client.put("service/a", "10.0.0.7:80", { lease });
 * lease.lost.addEventListener("abort", () => stopWorking());
 */
export class Lease implements AsyncDisposable {
  readonly id: number;
  readonly ttlMs: number;
  readonly #setup: LeaseSetup;
  readonly #lost = new AbortController();
  #deadlineMs: number;
  #endTimer: Timer | undefined;
  #renewTimer: Timer | undefined;

  constructor(setup: LeaseSetup) {
    this.#setup = setup;
    this.id = setup.id;
    this.ttlMs = setup.ttlMs;
    this.#deadlineMs = this.#deadlineOf(setup.sentMs);
    this.#setEnd();
    if (setup.keepAlive) this.#renewAfter(this.ttlMs * renewShare);
  }

  /**
   * Aborts when the lease is not held any more, or may not be; just before that while this process
   * gets its turns, and at its first turn after a stall. Its reason says why.
   */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether it is surely held at this moment. */
  get isHeld(): boolean {
    return !this.#lost.signal.aborted && this.#setup.clock.nowMs() < this.#deadlineMs;
  }

  /** Throws `LEASE_NOT_FOUND` unless it is surely held, also before `lost` could abort. */
  assertHeld(): void {
    if (this.isHeld) return;
    this.#lose(this.#expired());
    throw this.#lost.signal.reason;
  }

  /** What the cluster knows of it; `undefined` when it has ended. */
  timeToLive(options?: TimeToLiveOptions): Promise<LeaseStatus | undefined> {
    return timeToLive(this.#setup.port, this.id, options);
  }

  /** Ends it, and its keys with it. Resolves too when it had ended before. */
  async revoke(options?: CallOptions): Promise<void> {
    this.end(new EngineError("LEASE_NOT_FOUND", `lease ${this.id} was revoked by its holder`));
    try {
      await this.#setup.port.execute({ kind: "leaseRevoke", id: this.id }, options);
    } catch (error) {
      if (!isEngineError(error, "LEASE_NOT_FOUND")) throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.revoke();
  }

  /** Keeps it no longer; it ends by itself. */
  end(reason: EngineError): void {
    this.#lose(reason);
  }

  #setEnd(): void {
    this.#endTimer?.cancel();
    const { clock } = this.#setup;
    const warnedMs = this.#deadlineMs - this.ttlMs * warningShare;
    const delayMs = Math.max(0, warnedMs - clock.nowMs());
    this.#endTimer = clock.setTimer(delayMs, () => this.#lose(this.#expired()));
  }

  #renewAfter(delayMs: number): void {
    this.#renewTimer = this.#setup.clock.setTimer(delayMs, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    // After a stall this may run before the timer of the end.
    if (!this.isHeld) this.#lose(this.#expired());
    if (this.#lost.signal.aborted) return;
    const { clock, port } = this.#setup;
    const sentMs = clock.nowMs();
    // No renewal takes longer than the time between two: another attempt may find a better node.
    const timeoutMs = Math.max(1, this.ttlMs * renewShare);
    const signal = this.#lost.signal;
    try {
      await port.execute({ kind: "leaseKeepAlive", id: this.id }, { timeoutMs, signal });
      this.#renewed(sentMs);
    } catch (error) {
      if (isEngineError(error, "LEASE_NOT_FOUND")) this.#lose(error);
      if (!this.#lost.signal.aborted) this.#renewAfter(this.ttlMs * repeatShare);
    }
  }

  #renewed(sentMs: number): void {
    if (this.#lost.signal.aborted) return;
    // The answer may have waited out a stall: what was lost meanwhile stays lost.
    this.#deadlineMs = this.#deadlineOf(sentMs);
    if (!this.isHeld) {
      this.#lose(this.#expired());
      return;
    }
    this.#setEnd();
    const nextMs = sentMs + this.ttlMs * renewShare - this.#setup.clock.nowMs();
    this.#renewAfter(Math.max(0, nextMs));
  }

  #lose(reason: EngineError): void {
    if (this.#lost.signal.aborted) return;
    this.#endTimer?.cancel();
    this.#renewTimer?.cancel();
    this.#setup.onEnd(this);
    this.#lost.abort(reason);
  }

  #deadlineOf(sentMs: number): number {
    return sentMs + this.ttlMs * (1 - safetyShare);
  }

  #expired(): EngineError {
    const why = `lease ${this.id} was not renewed in time; what it protects may be another's`;
    return new EngineError("LEASE_NOT_FOUND", why);
  }
}

/** What the cluster knows of a lease; `undefined` when there is none of this id. */
export async function timeToLive(
  port: KvPort,
  id: number,
  { keys = false, ...options }: TimeToLiveOptions = {},
): Promise<LeaseStatus | undefined> {
  if (!Number.isSafeInteger(id) || id < 1) {
    const what = `the id of a lease is an integer, 1 or more, got ${id}`;
    throw new EngineError("INVALID_REQUEST", what);
  }
  const result = await port.query({ kind: "leaseTimeToLive", id, keys }, options);
  if (result.kind !== "lease") {
    throw new EngineError("INVALID_RESPONSE", "the answer to a lease is of something else");
  }
  if (result.ttlMs === 0) return undefined;
  const { ttlMs, remainingMs } = result;
  return { id, ttlMs, remainingMs, keys: result.keys.map((key) => new Uint8Array(key)) };
}
