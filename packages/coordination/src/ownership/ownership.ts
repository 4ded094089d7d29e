import type { Lease } from "@d-engine/client";
import type { Clock, EngineError, Timer } from "@d-engine/core";

/** Uses and marks of one lease: well below the keys that a store allows a lease. */
const usesMax = 400;
const marksMax = 400;

export interface OwnershipSetup {
  readonly lease: Lease;
  readonly clock: Clock;
  /** It takes no new uses any more. */
  readonly onRetired: (ownership: Ownership) => void;
}

/**
 * A lease that several locks of one client hold together: it is kept alive for all of them at once,
 * and lost for all of them at once. It is revoked when it has been of no use for as long as it lives.
 */
export class Ownership {
  readonly lease: Lease;
  readonly #setup: OwnershipSetup;
  readonly #lostListeners = new Set<() => void>();
  #uses = 0;
  #marks = 0;
  #issued = 0;
  #isRetired = false;
  #idleTimer: Timer | undefined;

  constructor(setup: OwnershipSetup) {
    this.#setup = setup;
    this.lease = setup.lease;
    // One listener for all: of those that hold it there may be hundreds.
    this.lease.lost.addEventListener("abort", () => this.#onLost(), { once: true });
    this.#awaitUse();
  }

  /** Whether another lock may be held by it. */
  get hasRoom(): boolean {
    return !this.#isRetired && this.lease.isHeld && this.#uses < usesMax && this.#marks < marksMax;
  }

  /** Counts one more use, which `leave` ends. */
  enter(): void {
    this.#uses += 1;
    this.#idleTimer?.cancel();
  }

  leave(): void {
    this.#uses -= 1;
    if (this.#uses > 0 || this.lease.lost.aborted) return;
    if (this.#isRetired) this.#revoke();
    else this.#awaitUse();
  }

  /** A name that nobody else has, now or later: lease ids are given once. */
  newId(): string {
    this.#issued += 1;
    return `${this.lease.id.toString(16).padStart(14, "0")}-${this.#issued.toString(36)}`;
  }

  /** A key of it stays until it ends. */
  mark(): void {
    this.#marks += 1;
  }

  /** No new uses: it ends with the last one that it has. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#setup.onRetired(this);
    if (this.#uses === 0) this.#revoke();
  }

  /** The cluster says that the lease is over. */
  end(reason: EngineError): void {
    this.lease.end(reason);
  }

  /** Loses a lease that is not held any more by the clock, whatever its timers have done. */
  expireIfDue(): void {
    try {
      this.lease.assertHeld();
    } catch {
      // Whoever holds by it has been told the reason.
    }
  }

  /** Calls `listener` when the lease is lost; the returned function takes that back. */
  onLost(listener: () => void): () => void {
    if (this.lease.lost.aborted) {
      listener();
      return () => undefined;
    }
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  #onLost(): void {
    this.#idleTimer?.cancel();
    this.#isRetired = true;
    this.#setup.onRetired(this);
    const listeners = [...this.#lostListeners];
    this.#lostListeners.clear();
    for (const listener of listeners) listener();
  }

  #awaitUse(): void {
    this.#idleTimer = this.#setup.clock.setTimer(this.lease.ttlMs, () => this.retire());
  }

  #revoke(): void {
    // Whether that reaches the cluster or not, it is not renewed any more.
    this.lease.revoke().catch(() => undefined);
  }
}
