import {
  CodecError,
  decodeSessionResponse,
  encodeSessionRequest,
  type SessionOperation,
  type SessionWindow,
  Slab,
} from "@d-engine/codec";
import type { Clock } from "@d-engine/core";
import type { TransportAnswer, TransportCallOptions } from "../client-transport.js";
import { Alarm } from "./alarm.js";
import { CallQueue } from "./call-queue.js";
import type { MessageStream, MessageStreamEnd, OpenMessageStream } from "./message-stream.js";
import { SessionCall, type SessionRequest } from "./session-call.js";
import { Watchdog } from "./watchdog.js";

export interface SessionOptions {
  /** Milliseconds that the node may take to say hello. */
  readonly helloTimeoutMs: number;
  /** Milliseconds without a word from a node that owes answers, after which it is given up. */
  readonly silenceTimeoutMs: number;
  /** Milliseconds after which a session that nobody uses is closed. */
  readonly idleTimeoutMs: number;
  /** Bytes of the largest answer that is read. */
  readonly answerBytesMax: number;
}

export interface SessionStreamSetup {
  /** For messages. */
  readonly address: string;
  readonly open: OpenMessageStream;
  readonly clock: Clock;
  readonly options: SessionOptions;
  /** The stream is over. `isSilent`: the connection carries nothing, or the node is paused. */
  readonly onOver: (end: MessageStreamEnd, isSilent: boolean) => void;
}

/** Bytes that an operation takes in a message besides its own, at most. */
const frameBytes = 8;

/**
 * One session with one node. Calls of one turn of the event loop leave as one message, answers are
 * matched by id. What the node's window does not admit waits here; as many calls as callers make.
 *
 * Every call ends once. One that was not sent, `unreachable`, had no effect; one that was sent and
 * not answered ends as `lost`, `deadline` or `aborted`. Nothing is ever sent twice.
 */
export class SessionStream {
  readonly #setup: SessionStreamSetup;
  readonly #stream: MessageStream;
  readonly #queue = new CallQueue();
  readonly #unanswered = new Map<number, SessionCall>();
  readonly #slab = new Slab();
  readonly #deadlines: Alarm;
  readonly #helloAlarm: Alarm;
  readonly #watchdog: Watchdog;
  #state: "opening" | "open" | "closing" | "ending" | "over" = "opening";
  #hasAnswered = false;
  #window: SessionWindow = { operationsMax: 0, operationBytesMax: 0, messageBytesMax: 0 };
  #unansweredBytes = 0;
  #cancels: number[] = [];
  #lastId = 0;
  #pings = 0;
  #scheduled = false;
  readonly #flushTurn = (): void => {
    this.#scheduled = false;
    this.#flush();
  };
  readonly #onAbort = (call: SessionCall): void =>
    this.#giveUp(call, "aborted", "aborted by the caller");

  constructor(setup: SessionStreamSetup) {
    const { clock, options } = setup;
    this.#setup = setup;
    this.#deadlines = new Alarm(clock, () => this.#expire());
    this.#helloAlarm = new Alarm(clock, () => this.#break("no hello in time", true));
    this.#watchdog = new Watchdog({
      clock,
      ...options,
      isOwed: () => this.#unanswered.size > 0,
      onQuiet: () => this.#ping(),
      onSilent: () => {
        this.#break(`no answer to anything for ${options.silenceTimeoutMs} ms`, true);
      },
      onIdle: () => this.#close(),
    });
    this.#stream = setup.open({
      received: (message) => this.#received(message),
      ended: (end) => this.#over(end, false),
    });
    this.#helloAlarm.set(clock.nowMs() + options.helloTimeoutMs);
  }

  get takesCalls(): boolean {
    return this.#state === "opening" || this.#state === "open";
  }

  /** Whether nobody waits for anything. */
  get isIdle(): boolean {
    return this.#unanswered.size === 0 && this.#queue.peek() === undefined;
  }

  /** Whether the node has answered anything. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Never rejects. `elsewhere` makes the call when a session cannot carry it. */
  call(
    request: SessionRequest,
    { timeoutMs, signal }: TransportCallOptions,
    elsewhere: () => Promise<TransportAnswer>,
  ): Promise<TransportAnswer> {
    const { clock, options } = this.#setup;
    this.#lastId += 1;
    const call = new SessionCall({
      id: this.#lastId,
      request,
      timeoutMs,
      deadlineMs: clock.nowMs() + timeoutMs,
      signal,
      onAbort: this.#onAbort,
      elsewhere,
      answerBytesMax: options.answerBytesMax,
    });
    this.#queue.push(call);
    this.#deadlines.set(call.deadlineMs);
    this.#watchdog.used();
    this.#schedule();
    return call.answer;
  }

  /** Breaks the session. Idempotent. */
  cancel(): void {
    this.#break("the client closed", false);
  }

  #schedule(): void {
    if (this.#scheduled || this.#state === "opening") return;
    this.#scheduled = true;
    this.#setup.clock.defer(this.#flushTurn);
  }

  #flush(): void {
    while (this.#state === "open" || this.#state === "closing") {
      const operations = this.#gather();
      if (operations.length === 0) return;
      this.#stream.send(encodeSessionRequest({ operations }));
    }
  }

  /** What fits into the next message and the window: cancels first, for they make room. */
  #gather(): SessionOperation[] {
    const { operationsMax, operationBytesMax, messageBytesMax } = this.#window;
    const operations: SessionOperation[] = [];
    for (const target of this.#cancels.splice(0)) {
      if (this.#unanswered.has(target)) operations.push({ kind: "cancel", target });
    }
    let bytes = operations.length * 2 * frameBytes;
    for (let call = this.#queue.peek(); call !== undefined; call = this.#queue.peek()) {
      const framed = call.bytes + frameBytes;
      if (framed > messageBytesMax || call.bytes > operationBytesMax) {
        this.#queue.shift();
        call.goElsewhere();
        continue;
      }
      const isFull =
        this.#unanswered.size >= operationsMax ||
        this.#unansweredBytes + call.bytes > operationBytesMax;
      if (isFull || bytes + framed > messageBytesMax) break;
      this.#queue.shift();
      this.#unanswered.set(call.id, call);
      this.#unansweredBytes += call.bytes;
      bytes += framed;
      operations.push(call.operation);
    }
    return operations;
  }

  #received(message: Uint8Array): void {
    if (this.#state === "over") return;
    this.#watchdog.heard();
    try {
      const { hello, window, results, draining } = decodeSessionResponse(message, this.#slab);
      if (window !== undefined) this.#window = window;
      if (hello !== undefined) this.#opened();
      for (const result of results) {
        const call = this.#unanswered.get(result.id);
        if (call === undefined) throw new CodecError("Result.id", `${result.id} is not awaited`);
        if (!call.take(result)) continue;
        this.#hasAnswered = true;
        this.#unanswered.delete(result.id);
        this.#unansweredBytes -= call.bytes;
      }
      if (draining) this.#refuseMore("the node is shutting down");
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#break(`not a session's answer: ${error.message}`, false);
      return;
    }
    this.#endIfDone();
    if (this.#queue.peek() !== undefined) this.#schedule();
  }

  #opened(): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    this.#helloAlarm.clear();
    this.#watchdog.start();
    this.#schedule();
  }

  #ping(): void {
    this.#pings += 1;
    this.#stream.send(encodeSessionRequest({ operations: [], ping: this.#pings }));
  }

  /** Nobody needs the session: it is opened again when somebody does. */
  #close(): void {
    if (this.#state === "ending") this.#break("the session does not end", false);
    if (this.#state !== "open" || !this.isIdle) return;
    this.#state = "closing";
    this.#endIfDone();
  }

  #refuseMore(why: string): void {
    if (this.#state === "open") this.#state = "closing";
    for (const call of this.#queue) {
      call.fail({
        kind: "unreachable",
        message: `${this.#setup.address}: ${why}; nothing was sent`,
      });
    }
  }

  #endIfDone(): void {
    if (this.#state !== "closing" || this.#unanswered.size > 0) return;
    this.#state = "ending";
    this.#deadlines.clear();
    this.#watchdog.used();
    this.#stream.end();
  }

  /** Ends what is due. */
  #expire(): void {
    const { clock } = this.#setup;
    const nowMs = clock.nowMs();
    let earliestMs = Number.POSITIVE_INFINITY;
    const look = (call: SessionCall): void => {
      if (!call.open) return;
      if (call.deadlineMs > nowMs) earliestMs = Math.min(earliestMs, call.deadlineMs);
      else this.#giveUp(call, "deadline", "no answer in time");
    };
    for (const call of [...this.#queue]) look(call);
    for (const call of this.#unanswered.values()) look(call);
    if (earliestMs < Number.POSITIVE_INFINITY) this.#deadlines.set(earliestMs);
  }

  /** The caller does not wait any longer. What was sent is answered all the same, to nobody. */
  #giveUp(call: SessionCall, kind: "deadline" | "aborted", why: string): void {
    const { address } = this.#setup;
    if (this.#unanswered.has(call.id)) {
      call.fail({ kind, message: `${address}: ${why}` });
      this.#cancels.push(call.id);
      this.#schedule();
      return;
    }
    call.fail({ kind: "unreachable", message: `${address}: ${why}; nothing was sent` });
    this.#queue.noteEnded();
  }

  #break(why: string, isSilent: boolean): void {
    if (this.#state === "over") return;
    this.#stream.cancel();
    this.#over({ kind: "over", message: `${this.#setup.address}: ${why}` }, isSilent);
  }

  #over(end: MessageStreamEnd, isSilent: boolean): void {
    if (this.#state === "over") return;
    const wasOpening = this.#state === "opening";
    this.#state = "over";
    this.#deadlines.clear();
    this.#helloAlarm.clear();
    this.#watchdog.stop();
    // First, so that calls which are made again at once find the session gone.
    this.#setup.onOver(end, isSilent);
    for (const call of this.#queue) {
      if (wasOpening && end.kind !== "over") call.goElsewhere();
      else call.fail({ kind: "unreachable", message: `${end.message}; nothing was sent` });
    }
    for (const call of this.#unanswered.values()) {
      call.fail({ kind: "lost", message: end.message });
    }
    this.#unanswered.clear();
  }
}
