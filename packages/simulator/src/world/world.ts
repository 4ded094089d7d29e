// By import, so that a test that replaces the timers of the global object does not stop the world.
import { setImmediate } from "node:timers";
import { EventQueue, type ScheduledEvent } from "./event-queue.js";
import { Trace } from "./trace.js";

/**
 * Simulated time. Events run one after the other, in the order of their moments; between two of
 * them every promise that can settle does, so that promises in the code under test never make a
 * run depend on anything but its seed.
 */
export class World {
  readonly trace = new Trace();
  /** Called after each event, when its promises have settled. */
  afterEvent: (() => void) | undefined;
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #stopped = false;
  #events = 0;

  /** True time, which no node sees: their clocks drift from it. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that happened. */
  get events(): number {
    return this.#events;
  }

  /** Events that wait for their moment, cancelled ones included. */
  get pending(): number {
    return this.#queue.length;
  }

  /** Events that will happen. */
  get planned(): number {
    return this.#queue.planned;
  }

  schedule(delayMs: number, run: () => void): ScheduledEvent {
    return this.#queue.push(this.#nowMs + Math.max(0, delayMs), run);
  }

  /** Never before now. */
  scheduleAt(atMs: number, run: () => void): ScheduledEvent {
    return this.#queue.push(Math.max(this.#nowMs, atMs), run);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(delayMs, resolve);
    });
  }

  note(what: string, subject: number, value: number, detail?: () => string): void {
    this.trace.note(this.#nowMs, what, subject, value, detail);
  }

  /** Makes the present `run` return before the next event. */
  stop(): void {
    this.#stopped = true;
  }

  /** Lets time pass until `untilMs`, or until `done`; says whether it ended because of `done`. */
  async run(untilMs: number, done: () => boolean = never): Promise<boolean> {
    this.#stopped = false;
    await settled();
    while (!done()) {
      const nextMs = this.#queue.nextMs;
      if (this.#stopped || nextMs === undefined || nextMs > untilMs) {
        if (!this.#stopped) this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#nowMs = nextMs;
      this.#events += 1;
      this.#queue.pop()!.run();
      await settled();
      this.afterEvent?.();
    }
    return true;
  }
}

function never(): boolean {
  return false;
}

/**
 * A turn of the real event loop. Node runs every queued microtask, those queued meanwhile
 * included, before it; and as nothing in a simulation waits for real I/O, nothing else can
 * happen in it.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
