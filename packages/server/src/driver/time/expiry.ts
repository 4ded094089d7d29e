import type { LeaseDeadline } from "@d-engine/codec";
import type { ClusterTime } from "./cluster-time.js";
import type { ProposeUpkeep, TimedStore } from "./timed-store.js";

/**
 * Commands under way at once. Each waits for a majority's disks, so a thousand leases a round trip;
 * and what is applied in one go stays small (scenario 70).
 */
const expiriesInFlightMax = 4;

/**
 * Proposes the end of leases that are due, for one leadership. A lease that is renewed meanwhile
 * keeps its life, as the command names the deadline that was seen (rule R15): so it does no harm
 * that a command is lost, comes twice, or was proposed by a leader that is none any more.
 */
export class Expiry {
  readonly #store: TimedStore;
  readonly #time: ClusterTime;
  readonly #propose: ProposeUpkeep;
  #inFlight = 0;
  /** The last of the leases under way: they are in the state until their command is applied. */
  #after: LeaseDeadline | undefined;
  /** Something was not proposed, or may be lost: what follows it must wait for its turn. */
  #failed = false;
  #ended = false;

  constructor(store: TimedStore, time: ClusterTime, propose: ProposeUpkeep) {
    this.#store = store;
    this.#time = time;
    this.#propose = propose;
  }

  /** Proposes what is due, as far as there may be more under way. */
  pump(): void {
    if (this.#inFlight === 0) {
      this.#after = undefined;
      this.#failed = false;
    }
    while (!this.#ended && !this.#failed && this.#inFlight < expiriesInFlightMax) {
      const nowMs = this.#time.nowMs();
      const command = this.#store.expiredAt(nowMs, this.#after);
      if (command === undefined) return;
      this.#after = command.leases.at(-1);
      this.#inFlight += 1;
      this.#propose(command, nowMs).then(
        () => this.#done(),
        () => this.#lost(),
      );
    }
  }

  /** This node leads no more, or not in the same term: what is under way is of no concern. */
  end(): void {
    this.#ended = true;
  }

  #done(): void {
    this.#inFlight -= 1;
    // Without waiting for a tick: of a hundred thousand that are due, the last one is late.
    if (!this.#failed) this.pump();
  }

  /** A later tick begins anew, when nothing is under way any more. */
  #lost(): void {
    this.#inFlight -= 1;
    this.#failed = true;
  }
}
