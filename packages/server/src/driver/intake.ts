import { EngineError } from "@d-engine/core";
import { diskFull, rateLimited } from "./driver-errors.js";
import type { Counters } from "./metrics.js";
import type { DriverOptions } from "./options.js";
import type { Gauge } from "./waiter.js";

/**
 * How much a proposal must bow to. `normal`: to every bound. `renewal`: it keeps alive what others
 * hold, and would be missed while the disk is full (rule R10). `upkeep`: the node's own, of which
 * it makes a bounded number; expiry must not wait for room, nor for callers to be fewer.
 */
export type Admission = "normal" | "renewal" | "upkeep";

export interface IntakeSetup {
  readonly options: DriverOptions;
  readonly counters: Counters;
  /** Why calls are refused at this moment, if they are. */
  readonly notServing: () => Error | undefined;
  readonly commandBytesMax: number;
  /** Why writes are refused for the size of the log, if they are. */
  readonly logFull: () => string | undefined;
}

/** Decides whether one more write may wait; what is refused here has no effect. */
export class Intake {
  /** While set, commands are refused and reads are served (rule R10). */
  diskFull = false;
  readonly #setup: IntakeSetup;
  readonly #waiting: Gauge;

  constructor(setup: IntakeSetup, waiting: Gauge) {
    this.#setup = setup;
    this.#waiting = waiting;
  }

  /** Throws what the caller of a write of so many bytes is told. */
  check(bytes: number, admission: Admission): void {
    const refusal = this.#setup.notServing();
    if (refusal !== undefined) throw refusal;
    if (admission === "upkeep") return;
    this.#checkSize(bytes);
    if (admission === "normal") this.#checkRoom();
    this.#checkWaiting(bytes);
  }

  /** One that no follower could be sent, or no segment could hold, would stop the cluster. */
  #checkSize(bytes: number): void {
    const { commandBytesMax } = this.#setup;
    if (bytes <= commandBytesMax) return;
    const message =
      `the write has ${bytes} bytes, more than the ${commandBytesMax} that requestBytesMax and ` +
      "segmentBytes leave room for; write less at once, or raise them on all members";
    throw new EngineError("INVALID_REQUEST", message);
  }

  #checkRoom(): void {
    const { options, counters, logFull } = this.#setup;
    if (this.diskFull) {
      counters.diskFull += 1;
      throw diskFull();
    }
    const full = logFull();
    if (full === undefined) return;
    counters.logFull += 1;
    throw rateLimited(full, options.retryAfterMs);
  }

  #checkWaiting(bytes: number): void {
    const { options, counters } = this.#setup;
    const waiting = this.#waiting;
    if (waiting.count >= options.pendingProposalsMax) {
      counters.rateLimited += 1;
      const what = `${waiting.count} writes wait already (pendingProposalsMax)`;
      throw rateLimited(what, options.retryAfterMs);
    }
    if (waiting.count > 0 && waiting.bytes + bytes > options.pendingProposalBytesMax) {
      counters.rateLimited += 1;
      const what = `${waiting.bytes} bytes of writes wait already (pendingProposalBytesMax)`;
      throw rateLimited(what, options.retryAfterMs);
    }
  }
}
