import type { Clock, Random } from "@d-engine/core";
import type { TransportAnswer, TransportCallOptions } from "../client-transport.js";
import type { MessageStreamEnd, OpenMessageStream } from "./message-stream.js";
import type { SessionRequest } from "./session-call.js";
import { type SessionOptions, SessionStream } from "./session-stream.js";

export interface SessionLinkSetup {
  readonly address: string;
  readonly open: OpenMessageStream;
  readonly clock: Clock;
  readonly random: Random;
  readonly options: SessionOptions;
  /** The node does not answer: a new connection may. */
  readonly onSilent: () => void;
}

/** Pauses before another attempt double from the first to the last, drawn from the upper half. */
const pauseFirstMs = 20;
const pauseMaxMs = 500;

/** A node without sessions is asked again after this time: it may have been upgraded. */
const unknownForMs = 60_000;

/**
 * The sessions with one node, one at a time: opened when a call needs one, again after it broke,
 * with growing pauses while that fails. A node that does not know sessions, or does not want
 * another one, is called without.
 */
export class SessionLink {
  readonly #setup: SessionLinkSetup;
  /** The newest is the one in use; others wait for their last answers. */
  readonly #streams = new Set<SessionStream>();
  #current: SessionStream | undefined;
  #failures = 0;
  #notBeforeMs = 0;
  /** Until then calls are made without a session. */
  #elsewhereUntilMs = 0;

  constructor(setup: SessionLinkSetup) {
    this.#setup = setup;
  }

  /** Whether a session is there, or on its way. */
  get takesCalls(): boolean {
    return this.#current?.takesCalls === true;
  }

  get isIdle(): boolean {
    for (const stream of this.#streams) if (!stream.isIdle) return false;
    return true;
  }

  /** Never rejects. `elsewhere` makes the call without a session. */
  call(
    request: SessionRequest,
    options: TransportCallOptions,
    elsewhere: () => Promise<TransportAnswer>,
  ): Promise<TransportAnswer> {
    if (this.#current?.takesCalls === true) return this.#current.call(request, options, elsewhere);
    const nowMs = this.#setup.clock.nowMs();
    if (nowMs < this.#elsewhereUntilMs) return elsewhere();
    if (nowMs < this.#notBeforeMs) {
      const waitMs = Math.ceil(this.#notBeforeMs - nowMs);
      const message = `${this.#setup.address}: its session broke, another is tried in ${waitMs} ms`;
      return Promise.resolve({ kind: "failed", failure: { kind: "unreachable", message } });
    }
    return this.#open().call(request, options, elsewhere);
  }

  /** Lets what is open finish, and opens another for what comes. */
  replace(): void {
    this.#current = undefined;
    this.#failures = 0;
  }

  /** Breaks what is open. */
  close(): void {
    for (const stream of [...this.#streams]) stream.cancel();
  }

  #open(): SessionStream {
    const { address, open, clock, options, onSilent } = this.#setup;
    const stream = new SessionStream({
      address,
      open,
      clock,
      options,
      onOver: (end, isSilent) => {
        this.#streams.delete(stream);
        if (this.#current === stream) this.#current = undefined;
        if (stream.hasAnswered) this.#failures = 0;
        this.#pace(end);
        if (isSilent) onSilent();
      },
    });
    this.#streams.add(stream);
    this.#current = stream;
    return stream;
  }

  /** Says when the next session may be opened. One that has worked is replaced at once. */
  #pace(end: MessageStreamEnd): void {
    const { clock, random } = this.#setup;
    const nowMs = clock.nowMs();
    const ceilingMs = Math.min(pauseMaxMs, pauseFirstMs * 2 ** Math.min(this.#failures, 16));
    const pauseMs = (ceilingMs / 2) * (1 + random.next());
    if (end.kind === "unknown") this.#elsewhereUntilMs = nowMs + unknownForMs;
    else if (end.kind === "refused") this.#elsewhereUntilMs = nowMs + pauseMs;
    else if (this.#failures > 0) this.#notBeforeMs = nowMs + pauseMs;
    this.#failures += 1;
  }
}
