import { type Clock, EngineError, type Random } from "@d-engine/core";
import type { ClientTransport, TransportFailure, TransportStream } from "../client-transport.js";
import { pause } from "../internal/abortable.js";
import type { KeySelection } from "../key-selection.js";
import { spanOf } from "../key-selection.js";
import type { LeaderCache } from "../leader-cache.js";
import { Watchdog } from "../session/watchdog.js";
import { ReconnectPace } from "../streams/reconnect-pace.js";
import { engineCodeOfSessionNumber } from "../wire-errors.js";
import { RemoteWatch, type WatchHost } from "./remote-watch.js";
import type { Watch, WatchOptions } from "./watch-types.js";
import type { WatchInput, WatchOutput } from "./watch-wire.js";

export interface WatchStreamSetup {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly cache: LeaderCache;
  /** Milliseconds in a row without any node that answers, after which all watches fail. */
  readonly timeoutMs: number;
}

/** Watches of one client; more are refused with `RATE_LIMITED`. */
export const watchesMax = 10_000;
/** A node that has said nothing for half of this is asked for progress, and after all of it left. */
const silenceTimeoutMs = 10_000;
/** A watch that a node gave up comes back this much later. */
const overflowPauseMs = 100;

type Stream = TransportStream<WatchOutput, WatchInput>;

/**
 * All watches of one client, over one stream to one node. When the stream breaks they go on at the
 * next node, each behind what it has received; what the retained history does not hold any more is
 * told to the watch that it concerns. Knows the network only as a `ClientTransport` (rule R21).
 */
export class WatchStream implements WatchHost {
  readonly #setup: WatchStreamSetup;
  readonly #closed = new AbortController();
  readonly #watches = new Set<RemoteWatch>();
  readonly #watchdog: Watchdog;
  /** Ids are given anew for each creation, so that what comes late for an older one is known. */
  #idOf = new Map<RemoteWatch, number>();
  #byId = new Map<number, RemoteWatch>();
  #lastId = 0;
  #stream: Stream | undefined;
  #running = false;
  /** Ends the rest between streams that no watch wants just now. */
  #wake: (() => void) | undefined;

  constructor(setup: WatchStreamSetup) {
    this.#setup = setup;
    this.#watchdog = new Watchdog({
      clock: setup.clock,
      silenceTimeoutMs,
      idleTimeoutMs: silenceTimeoutMs,
      isOwed: () => this.#byId.size > 0,
      onQuiet: () => this.#askForProgress(),
      onSilent: () => this.#stream?.cancel(),
      onIdle: () => undefined,
    });
  }

  /**
   * @throws EngineError `CLOSED`, `INVALID_REQUEST` for what cannot be watched, and `RATE_LIMITED`
   *   beyond `watchesMax`
   */
  watch(selection: KeySelection, options: WatchOptions = {}): Watch {
    if (this.#closed.signal.aborted) throw new EngineError("CLOSED", "the client is closed");
    options.signal?.throwIfAborted();
    const span = spanOf(selection);
    checkFrom(options.fromRevision);
    if (this.#watches.size >= watchesMax) {
      const message = `${watchesMax} watches are open in this client; end some`;
      throw new EngineError("RATE_LIMITED", message);
    }
    const watch = new RemoteWatch(span, options, this);
    this.#watches.add(watch);
    if (this.#running) this.resume(watch);
    else void this.#run();
    return watch;
  }

  /** Ends all watches. Idempotent. */
  close(): void {
    this.#closed.abort();
    for (const watch of [...this.#watches]) watch.fail(undefined);
  }

  park(watch: RemoteWatch): void {
    const id = this.#forget(watch);
    if (id !== undefined) this.#stream?.send({ kind: "cancel", id });
  }

  resume(watch: RemoteWatch): void {
    this.#create(watch);
    this.#wake?.();
  }

  release(watch: RemoteWatch): void {
    this.#watches.delete(watch);
    this.park(watch);
    if (this.#watches.size === 0) this.#stream?.cancel();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    this.#running = true;
    const { clock, transport, cache } = this.#setup;
    const { signal } = this.#closed;
    const pace = new ReconnectPace(this.#setup);
    pace.lost();
    this.#watchdog.start();
    while (this.#watches.size > 0) {
      await this.#wanted(pace);
      const address = pace.nextAddress(cache.addresses);
      const bounds = { timeoutMs: pace.attemptTimeoutMs, signal };
      const stream = transport.open<"watch">(address, { kind: "watch" }, bounds);
      this.#attach(stream);
      const failure = await this.#read(stream, pace);
      this.#detach();
      if (this.#watches.size === 0) break;
      if (failure.kind === "refused" && failure.code === "UNAUTHENTICATED") {
        const error = new EngineError(failure.code, failure.message);
        for (const watch of [...this.#watches]) watch.fail(error);
        break;
      }
      const pauseMs = pace.pauseMs();
      if (pauseMs === undefined) this.#failAll(failure);
      else await pause(clock, pauseMs, signal).catch(() => undefined);
    }
    this.#watchdog.stop();
    this.#running = false;
  }

  /** Waits while all readers are behind: a node that is asked for nothing says nothing. */
  async #wanted(pace: ReconnectPace): Promise<void> {
    while (this.#watches.size > 0 && [...this.#watches].every(({ isParked }) => isParked)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
      pace.lost();
    }
  }

  async #read(stream: Stream, pace: ReconnectPace): Promise<TransportFailure> {
    let heard = false;
    for (;;) {
      const event = await stream.next();
      if (event.kind === "failed") {
        if (heard) pace.lost();
        return event.failure;
      }
      if (!heard) pace.reached();
      heard = true;
      this.#watchdog.heard();
      this.#dispatch(event.message);
    }
  }

  #dispatch(output: WatchOutput): void {
    const watch = this.#byId.get(output.id);
    if (watch === undefined) return; // of a watch that was canceled meanwhile
    if (output.kind === "canceled") this.#canceled(watch, output);
    else watch.take(output);
  }

  #canceled(
    watch: RemoteWatch,
    { code: number, message, oldestRevision }: Extract<WatchOutput, { kind: "canceled" }>,
  ): void {
    this.#forget(watch);
    const code = engineCodeOfSessionNumber(number) ?? "INVALID_RESPONSE";
    switch (code) {
      case "WATCH_BUFFER_OVERFLOW":
        // The history has what was dropped: nothing is lost as long as it reaches back.
        this.#setup.clock.setTimer(overflowPauseMs, () => this.#create(watch));
        break;
      case "CLUSTER_UNAVAILABLE":
      case "RATE_LIMITED":
        // Says something about the node: all go on elsewhere.
        this.#stream?.cancel();
        break;
      default:
        watch.fail(new EngineError(code, message, { oldestRevision }));
    }
  }

  #attach(stream: Stream): void {
    this.#stream = stream;
    this.#watchdog.heard();
    for (const watch of this.#watches) this.#create(watch);
  }

  #detach(): void {
    this.#stream = undefined;
    this.#idOf = new Map();
    this.#byId = new Map();
  }

  #create(watch: RemoteWatch): void {
    if (this.#stream === undefined || watch.isParked) return;
    if (!this.#watches.has(watch) || this.#idOf.has(watch)) return;
    this.#lastId += 1;
    this.#idOf.set(watch, this.#lastId);
    this.#byId.set(this.#lastId, watch);
    this.#stream.send(watch.creation(this.#lastId));
  }

  #forget(watch: RemoteWatch): number | undefined {
    const id = this.#idOf.get(watch);
    this.#idOf.delete(watch);
    if (id !== undefined) this.#byId.delete(id);
    return id;
  }

  #askForProgress(): void {
    const [id] = this.#byId.keys();
    if (id !== undefined) this.#stream?.send({ kind: "progress", id });
  }

  #failAll({ message }: TransportFailure): void {
    const within = `no node has served watches for ${this.#setup.timeoutMs} ms`;
    const error = new EngineError("CLUSTER_UNAVAILABLE", `${within}; at last ${message}`);
    for (const watch of [...this.#watches]) watch.fail(error);
  }
}

function checkFrom(revision: number | undefined): void {
  if (revision === undefined || (Number.isSafeInteger(revision) && revision >= 1)) return;
  throw new EngineError(
    "INVALID_REQUEST",
    `fromRevision must be an integer, 1 or more, got ${revision}`,
  );
}
