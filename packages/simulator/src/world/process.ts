import type { ScheduledEvent } from "./event-queue.js";
import type { World } from "./world.js";

/**
 * One run of a node's operating-system process, from its start to its end. Whatever reaches it
 * comes through `enter`: nothing after its end, and late while it is paused, as with SIGSTOP or a
 * blocked event loop.
 */
export class Process {
  readonly nodeId: number;
  /** Counts the starts of this node, from 1. */
  readonly incarnation: number;
  readonly #world: World;
  readonly #entered: (process: Process) => void;
  #alive = true;
  #resumesMs = 0;
  #backlog: (() => void)[] = [];
  #resume: ScheduledEvent | undefined;
  readonly #onEnd: (() => void)[] = [];

  /** `entered` is told before each event inside the process. */
  constructor(
    world: World,
    nodeId: number,
    incarnation: number,
    entered: (process: Process) => void,
  ) {
    this.#world = world;
    this.nodeId = nodeId;
    this.incarnation = incarnation;
    this.#entered = entered;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** True time as far as this process has come: ahead of the world's while it is stalled. */
  get nowMs(): number {
    return Math.max(this.#world.nowMs, this.#resumesMs);
  }

  get isPaused(): boolean {
    return this.#resumesMs > this.#world.nowMs;
  }

  /**
   * Stands still from this moment on. Called from inside, in the middle of a handler, it is the
   * rest of that handler that happens late.
   */
  pause(durationMs: number): void {
    if (!this.#alive) return;
    this.#resumesMs = Math.max(this.#resumesMs, this.#world.nowMs + durationMs);
    this.#world.note(
      "pause",
      this.nodeId,
      this.#resumesMs,
      () => `for ${durationMs.toFixed(1)} ms`,
    );
    this.#resume ??= this.#world.scheduleAt(this.#resumesMs, () => this.#drain());
  }

  /** Runs `handler` now, when the pause is over, or never. */
  enter(handler: () => void): void {
    if (!this.#alive) return;
    if (this.isPaused || this.#backlog.length > 0) {
      this.#backlog.push(handler);
      return;
    }
    this.#entered(this);
    handler();
  }

  /** Plans `handler` inside this process, `delayMs` of true time from where it is now. */
  schedule(delayMs: number, handler: () => void): ScheduledEvent {
    const atMs = this.nowMs + Math.max(0, delayMs);
    return this.#world.scheduleAt(atMs, () => this.enter(handler));
  }

  /** `kill -9`: nothing of it runs any more. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#backlog = [];
    for (const listener of this.#onEnd.splice(0)) listener();
  }

  /** Called once, when the process ends; at once when it has. */
  whenEnded(listener: () => void): void {
    if (this.#alive) this.#onEnd.push(listener);
    else listener();
  }

  /** Each handler that waited is an event of its own, in the order of arrival. */
  #drain(): void {
    this.#resume = undefined;
    if (!this.#alive) return;
    if (this.isPaused) {
      this.#resume = this.#world.scheduleAt(this.#resumesMs, () => this.#drain());
      return;
    }
    const next = this.#backlog.shift();
    if (next === undefined) return;
    this.#entered(this);
    next();
    if (this.#backlog.length > 0) this.#resume = this.#world.schedule(0, () => this.#drain());
  }
}
