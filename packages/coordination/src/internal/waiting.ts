import { type Clock, EngineError } from "@d-engine/core";

/** Settles like `promise`, or rejects with `signal.reason` as soon as the signal aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Resolves after `delayMs`; rejects with `signal.reason` when the signal aborts before. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason));
    const timer = clock.setTimer(delayMs, () => end(resolve));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Whether `promise`, which never rejects, settles within `delayMs`. */
export async function settlesWithin(
  clock: Clock,
  promise: Promise<void>,
  delayMs: number,
): Promise<boolean> {
  const settled = new AbortController();
  const late = pause(clock, delayMs, settled.signal).then(
    () => false,
    () => true,
  );
  void promise.then(() => settled.abort());
  return await late;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/**
 * The end of a wait: the caller's signal, the caller's patience, or what else `end` is called for.
 * To be released when the wait is over.
 */
export class WaitBounds {
  readonly #controller = new AbortController();
  readonly #release: () => void;

  /** @throws EngineError `INVALID_REQUEST` for a `timeoutMs` that is no time */
  constructor(clock: Clock, { signal, timeoutMs }: WaitOptions, what: string) {
    const onAbort = (): void => this.end(signal?.reason);
    const timer =
      timeoutMs === undefined
        ? undefined
        : clock.setTimer(checkedTimeout(timeoutMs), () => {
            this.end(new EngineError("WAIT_TIMEOUT", `${what} in ${timeoutMs} ms`));
          });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    this.#release = () => {
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(reason: unknown): void {
    this.#controller.abort(reason);
  }

  release(): void {
    this.#release();
  }
}

/** The largest delay that timers take. */
const timeoutMsMax = 2 ** 31 - 1;

function checkedTimeout(timeoutMs: number): number {
  if (timeoutMs > 0 && timeoutMs <= timeoutMsMax) return timeoutMs;
  throw new EngineError(
    "INVALID_REQUEST",
    `timeoutMs must lie above 0 and at most ${timeoutMsMax}, got ${timeoutMs}`,
  );
}
