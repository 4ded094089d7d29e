import { EngineError, type Random, type Timer } from "@d-engine/core";
import type { SimulatedClock } from "./simulated-clock.js";

type Callback = (...args: unknown[]) => void;

/** What `setTimeout` returns in virtual time. */
class VirtualTimeout {
  readonly #clock: SimulatedClock;
  readonly #delayMs: number;
  readonly #repeats: boolean;
  readonly #callback: () => void;
  #timer: Timer | undefined;

  constructor(clock: SimulatedClock, delayMs: number, repeats: boolean, callback: () => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#repeats = repeats;
    this.#callback = callback;
    this.refresh();
  }

  /** A simulation ends with its test, whether or not timers wait. */
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(this.#delayMs, () => {
      if (this.#repeats) this.refresh();
      this.#callback();
    });
    return this;
  }

  close(): this {
    this.#timer?.cancel();
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

let installed = false;

/**
 * Replaces the timers, the time of day, `performance.now` and `Math.random` of this process by
 * virtual ones. Returns what puts the real ones back. One at a time.
 *
 * @throws EngineError `INVALID_REQUEST` when they are replaced already
 */
export function installVirtualGlobals(clock: SimulatedClock, random: Random): () => void {
  if (installed) {
    throw new EngineError(
      "INVALID_REQUEST",
      "another simulation with virtualGlobals runs in this process; run them one after the other",
    );
  }
  installed = true;
  const undo = [
    ...Object.entries(virtualTimers(clock)).map(([name, value]) =>
      replace(globalThis, name, value),
    ),
    replace(globalThis, "Date", virtualDate(clock)),
    replace(AbortSignal, "timeout", (delayMs: number) => clock.abortAfter(delayMs)),
    replace(performance, "now", () => clock.nowMs()),
    replace(Math, "random", () => random.next()),
  ];
  return () => {
    for (const step of undo.reverse()) step();
    installed = false;
  };
}

function virtualTimers(clock: SimulatedClock): Record<string, unknown> {
  const start =
    (repeats: boolean) =>
    (callback: Callback, delayMs?: number, ...args: unknown[]) =>
      new VirtualTimeout(clock, delayOf(delayMs), repeats, () => callback(...args));
  const clear = (timer: unknown): void => {
    if (timer instanceof VirtualTimeout) timer.close();
  };
  return {
    setTimeout: start(false),
    setInterval: start(true),
    setImmediate: (callback: Callback, ...args: unknown[]) =>
      new VirtualTimeout(clock, 0, false, () => callback(...args)),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  };
}

/** As Node.js has it: at least a millisecond, and one for what is no usable number. */
function delayOf(delayMs: number | undefined): number {
  const number = Number(delayMs);
  return number >= 1 && number <= delayMsMax ? number : 1;
}

function virtualDate(clock: SimulatedClock): DateConstructor {
  const RealDate = Date;
  const now = (): number => Math.floor(clock.wallMs());
  return new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
    apply: () => new RealDate(now()).toString(),
    get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
  });
}

/** Sets a property of a global object; the answer sets it back, its attributes included. */
function replace(object: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, before);
  };
}

const delayMsMax = 2 ** 31 - 1;
