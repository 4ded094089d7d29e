import { type Clock, EngineError, type Random, type Timer } from "@d-engine/core";
import type { ClientTransport, TransportFailure, TransportStream } from "../client-transport.js";
import type { MembershipSnapshot } from "../engine-client.js";
import { pause } from "../internal/abortable.js";
import type { LeaderCache } from "../leader-cache.js";
import type { ChangeSource } from "../streams/changes.js";
import { ReconnectPace } from "../streams/reconnect-pace.js";

export interface RemoteMembershipSetup {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly cache: LeaderCache;
  /** Milliseconds in a row without any node that answers, after which it ends with a failure. */
  readonly timeoutMs: number;
  /** The members are others than those seen before. */
  readonly onChange: () => void;
}

/** How long a node may be behind what another has said already, before the next one is asked. */
const behindMsMax = 1_000;

/**
 * The members as the nodes of a cluster stream them: follows one node, the next one when its stream
 * breaks or it stays behind. What is older than the newest seen is passed over, so it never goes
 * back. Knows the network only as a `ClientTransport` (rule R21).
 */
export class RemoteMembership implements ChangeSource<MembershipSnapshot | undefined> {
  readonly #setup: RemoteMembershipSetup;
  readonly #pace: ReconnectPace;
  readonly #stopped = new AbortController();
  #current: MembershipSnapshot | undefined;
  #failure: EngineError | undefined;
  #listener: () => void = () => undefined;

  constructor(setup: RemoteMembershipSetup) {
    this.#setup = setup;
    this.#pace = new ReconnectPace(setup);
  }

  get current(): MembershipSnapshot | undefined {
    return this.#current;
  }

  get pending(): boolean {
    return this.#current === undefined;
  }

  get ended(): boolean {
    return this.#failure !== undefined || this.#stopped.signal.aborted;
  }

  get failure(): EngineError | undefined {
    return this.#failure;
  }

  /** Begins to follow; the returned function ends that for good. */
  subscribe(listener: () => void): () => void {
    this.#listener = listener;
    void this.#follow();
    return () => this.#stopped.abort();
  }

  async #follow(): Promise<void> {
    const { transport, clock, cache } = this.#setup;
    const { signal } = this.#stopped;
    this.#pace.lost();
    while (!signal.aborted) {
      const address = this.#pace.nextAddress(cache.addresses);
      const stream = transport.open<"watchMembership">(
        address,
        { kind: "watchMembership" },
        { timeoutMs: this.#pace.attemptTimeoutMs, signal },
      );
      const failure = await this.#read(stream);
      if (signal.aborted) return;
      const pauseMs = this.#pace.pauseMs();
      if (pauseMs === undefined) {
        this.#fail(failure);
        return;
      }
      await pause(clock, pauseMs, signal).catch(() => undefined);
    }
  }

  /** Takes what the stream brings until it breaks, or its node turns out to stay behind. */
  async #read(stream: TransportStream<MembershipSnapshot>): Promise<TransportFailure> {
    let behind: Timer | undefined;
    let heard = false;
    for (;;) {
      const event = await stream.next();
      if (event.kind === "failed") {
        behind?.cancel();
        if (heard) this.#pace.lost();
        return event.failure;
      }
      if (!heard) this.#pace.reached();
      heard = true;
      if (this.#isOld(event.message)) {
        behind ??= this.#setup.clock.setTimer(behindMsMax, () => stream.cancel());
        continue;
      }
      behind?.cancel();
      behind = undefined;
      this.#take(event.message);
    }
  }

  #isOld({ committedIndex }: MembershipSnapshot): boolean {
    return this.#current !== undefined && committedIndex < this.#current.committedIndex;
  }

  #take(snapshot: MembershipSnapshot): void {
    if (this.#current?.committedIndex === snapshot.committedIndex) return;
    this.#current = snapshot;
    this.#listener();
    this.#setup.onChange();
  }

  #fail({ message }: TransportFailure): void {
    const within = `no node has told the members for ${this.#setup.timeoutMs} ms`;
    this.#failure = new EngineError("CLUSTER_UNAVAILABLE", `${within}; at last ${message}`);
    this.#listener();
  }
}
