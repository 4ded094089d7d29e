import type { Bytes, CallOptions, KeyRecord } from "@d-engine/client";
import { EngineError, isEngineError } from "@d-engine/core";
import { isPassing } from "../internal/passing-errors.js";
import { RetryPace } from "../internal/retry-pace.js";
import { abortable, pause, WaitBounds } from "../internal/waiting.js";
import type { Ownership } from "../ownership/ownership.js";
import type { Ownerships } from "../ownership/ownerships.js";
import type { RecipePorts } from "../recipe-ports.js";

/** How a registration stands. `lost` is passing: it comes back by itself. */
export type RegistrationState = "registering" | "registered" | "lost" | "replaced" | "closed";

export interface RegistrationSetup {
  readonly ports: RecipePorts;
  readonly ownerships: Ownerships;
  readonly what: string;
  readonly key: string;
  readonly value: Bytes;
  readonly encode: (value: unknown) => Bytes;
}

/**
 * One instance of a service, announced for as long as its process lives. When the lease behind it is
 * lost it announces itself again. It gives way to another that announces itself under the same id,
 * the same process after a restart for instance, and says so: `state` is `replaced` then and `ended`
 * has aborted. So of two with one id the later one stays, and they never take turns.
 *
 * @example
 * await using me = await register(client, "api", "api-1", { url: "http://10.0.0.7:8080" });
 * me.ended.addEventListener("abort", () => process.exit(1));
 */
export class Registration<T> implements AsyncDisposable {
  readonly #setup: RegistrationSetup;
  readonly #ended = new AbortController();
  /** Every lease that the key was bound to for this registration. */
  readonly #leases = new Set<number>();
  readonly #waits = new Set<{ readonly version: number; readonly resolve: () => void }>();
  readonly #done: Promise<void>;
  #state: RegistrationState = "registering";
  #value: Bytes;
  /** Which value is to be announced, and which one is. */
  #version = 1;
  #announced = 0;
  #renew = new AbortController();

  /** Use `register`. */
  constructor(setup: RegistrationSetup) {
    this.#setup = setup;
    this.#value = setup.value;
    this.#done = this.#run();
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** Aborts when it is over for good, with `LOCK_LOST` when it was replaced and `CLOSED` when closed. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Resolves when it is announced; rejects with the reason of `ended`, and by signal and timeout. */
  async ready(options: CallOptions = {}): Promise<void> {
    await this.#wait(1, options);
  }

  /**
   * Announces another value; resolves when that is durable. When it rejects by `signal` or
   * `timeoutMs` the value is announced later all the same.
   */
  async update(value: T, options: CallOptions = {}): Promise<void> {
    this.#ended.signal.throwIfAborted();
    this.#value = this.#setup.encode(value);
    this.#version += 1;
    const version = this.#version;
    this.#renew.abort();
    await this.#wait(version, options);
  }

  /** Takes it back; resolves when it is gone, or will be when its lease ends. Idempotent. */
  async close(): Promise<void> {
    if (!this.#ended.signal.aborted) {
      this.#end("closed", new EngineError("CLOSED", `${this.#setup.what} was taken back`));
    }
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    const { ports, ownerships } = this.#setup;
    const { signal } = this.#ended;
    const pace = new RetryPace(ports.clock);
    while (!signal.aborted) {
      try {
        const ownership = await ownerships.enter(signal);
        await this.#hold(ownership, pace).finally(() => this.#leave(ownership));
      } catch (error) {
        if (!signal.aborted && !isPassing(error)) this.#end("closed", error);
      }
      if (signal.aborted) return;
      this.#state = this.#announced > 0 ? "lost" : "registering";
      await pause(ports.clock, pace.nextMs(), signal).catch(() => undefined);
    }
  }

  /** Announces it, and again whenever its key is lost or its value changes, by one lease. */
  async #hold(ownership: Ownership, pace: RetryPace): Promise<void> {
    const over = new AbortController();
    const forget = ownership.onLost(() => over.abort(ownership.lease.lost.reason));
    const signal = AbortSignal.any([over.signal, this.#ended.signal]);
    try {
      while (!signal.aborted) {
        this.#renew = new AbortController();
        const revision = await this.#announce(ownership, signal);
        if (revision === undefined) return;
        const asked = AbortSignal.any([signal, this.#renew.signal]);
        if ((await this.#guard(revision, asked)) === "changed") pace.reset();
        // Whatever broke the watch may break the next one, too.
        else await pause(this.#setup.ports.clock, pace.nextMs(), asked).catch(() => undefined);
      }
    } catch (error) {
      if (isEngineError(error, "LEASE_NOT_FOUND")) ownership.end(error);
      else if (!over.signal.aborted) throw error;
    } finally {
      forget();
    }
  }

  /** Resolves to the revision that announced it, or `undefined` when it was replaced. */
  async #announce(ownership: Ownership, signal: AbortSignal): Promise<number | undefined> {
    const { ports, key } = this.#setup;
    const { client } = ports;
    const lease = ownership.lease.id;
    for (;;) {
      const version = this.#version;
      const read = await client.range(key, { consistency: "linearizable", signal });
      const [found] = read.entries;
      if (found !== undefined && this.#announced > 0 && this.#isReplacement(found))
        return undefined;
      // It stands: what was lost is the watch.
      if (found?.lease === lease && this.#announced === version) return read.revision;
      this.#leases.add(lease);
      const { succeeded, revision } = await client
        .txn()
        .if({ key, modRevision: found?.modRevision ?? 0 })
        .then({ kind: "put", key, value: this.#value, lease })
        .commit({ signal });
      if (!succeeded) continue;
      this.#announced = version;
      this.#state = "registered";
      for (const wait of this.#waits) if (wait.version <= version) wait.resolve();
      if (version === this.#version) return revision;
    }
  }

  /** `changed`: the key is gone, or was replaced, or a new value is to be announced. */
  async #guard(revision: number, signal: AbortSignal): Promise<"changed" | "broken"> {
    const { ports, key } = this.#setup;
    try {
      const options = { fromRevision: revision + 1, signal };
      for await (const { events } of ports.client.watch(key, options)) {
        for (const event of events) {
          if (event.kind === "delete" || this.#isReplacement(event.record)) return "changed";
        }
      }
    } catch (error) {
      if (signal.aborted) return "changed";
      // The key is read anew, whatever has ended the watch.
      if (!isPassing(error) && !isEngineError(error, "COMPACTED")) throw error;
    }
    return "broken";
  }

  #isReplacement({ lease }: KeyRecord): boolean {
    if (this.#leases.has(lease)) return false;
    const { what } = this.#setup;
    const message = `${what} was replaced by another that announced itself under this id`;
    this.#end("replaced", new EngineError("LOCK_LOST", message));
    return true;
  }

  /** The lease has other uses: what is left of this one is taken away. */
  async #leave(ownership: Ownership): Promise<void> {
    const { ports, key } = this.#setup;
    if (this.#ended.signal.aborted && !ownership.lease.lost.aborted) {
      const lease = ownership.lease.id;
      const removal = ports.client.txn().if({ key, lease }).then({ kind: "delete", keys: key });
      await removal.commit().catch(() => ownership.retire());
    }
    ownership.leave();
  }

  #end(state: "replaced" | "closed", reason: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#state = state;
    this.#ended.abort(reason);
  }

  async #wait(version: number, options: CallOptions): Promise<void> {
    const { ports, what } = this.#setup;
    if (this.#announced >= version) return;
    const bounds = new WaitBounds(ports.clock, options, `${what} was not announced`);
    let wait: { readonly version: number; readonly resolve: () => void } | undefined;
    const announced = new Promise<void>((resolve) => {
      wait = { version, resolve };
      this.#waits.add(wait);
    });
    try {
      await abortable(announced, AbortSignal.any([bounds.signal, this.#ended.signal]));
    } finally {
      if (wait !== undefined) this.#waits.delete(wait);
      bounds.release();
    }
  }
}
