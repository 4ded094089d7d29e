import {
  type DecodedSessionResult,
  type SessionOperation,
  type SessionScanEntry,
  sessionOperationSize,
} from "@d-engine/codec";
import { isEngineError } from "@d-engine/core";
import type { TransportAnswer, TransportFailure, TransportRequest } from "../client-transport.js";
import { decodeQuery, policyOf } from "../wire-messages.js";
import { failureOfResult } from "./result-failure.js";

/** What a session can carry. */
export type SessionRequest = Exclude<TransportRequest, { readonly kind: "metadata" }>;

export interface SessionCallSetup {
  readonly id: number;
  readonly request: SessionRequest;
  /** Milliseconds that the node is given. */
  readonly timeoutMs: number;
  /** When the caller gives up, on the client's clock. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: (call: SessionCall) => void;
  /** Makes the call without a session, when that cannot carry it. */
  readonly elsewhere: () => Promise<TransportAnswer>;
  /** Bytes of the largest answer that is read. */
  readonly answerBytesMax: number;
}

/** One call in a session: what is asked, who waits for it, and what has come so far. */
export class SessionCall {
  readonly id: number;
  readonly deadlineMs: number;
  readonly operation: Exclude<SessionOperation, { readonly kind: "cancel" }>;
  /** Bytes by which the window counts it. */
  readonly bytes: number;
  readonly answer: Promise<TransportAnswer>;
  /** Whether anybody still waits. */
  open = true;
  readonly #setup: SessionCallSetup;
  #resolve!: (answer: TransportAnswer | Promise<TransportAnswer>) => void;
  #onAbort: (() => void) | undefined;
  #values: (Uint8Array | undefined)[] = noValues;
  #entries: SessionScanEntry[] = noEntries;
  #answerBytes = 0;

  constructor(setup: SessionCallSetup) {
    const { id, request, timeoutMs, deadlineMs, signal } = setup;
    this.#setup = setup;
    this.id = id;
    this.deadlineMs = deadlineMs;
    this.operation = operationOf(id, request, timeoutMs);
    this.bytes = sessionOperationSize(this.operation);
    this.answer = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (signal !== undefined) {
      this.#onAbort = () => setup.onAbort(this);
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  fail(failure: TransportFailure): void {
    this.#settle({ kind: "failed", failure });
  }

  /** Not sent, and not to be sent here. */
  goElsewhere(): void {
    if (this.open) this.#settle(this.#setup.elsewhere());
  }

  /** Takes a result, or a part of one; returns whether it was the last. */
  take(result: DecodedSessionResult): boolean {
    const more = "more" in result && result.more;
    if (this.open) this.#take(result, more);
    return !more;
  }

  /** The first settling counts. */
  #settle(answer: TransportAnswer | Promise<TransportAnswer>): void {
    if (!this.open) return;
    this.open = false;
    if (this.#onAbort !== undefined) {
      this.#setup.signal?.removeEventListener("abort", this.#onAbort);
    }
    this.#resolve(answer);
  }

  #take(result: DecodedSessionResult, more: boolean): void {
    const { request } = this.#setup;
    if (result.kind === "failure") {
      this.fail(failureOfResult(result));
    } else if (result.kind === "write" && request.kind === "write") {
      this.#settle({ kind: "answered", result });
    } else if (result.kind === "read" && request.kind === "read") {
      this.#values = joined(this.#values, result.values);
      const bytes = result.values.reduce((sum, value) => sum + (value?.length ?? 0), 0);
      if (!this.#fits(bytes) || more) return;
      if (this.#values.length !== request.keys.length) this.#failAsNoAnswer();
      else this.#settle({ kind: "answered", result: this.#values });
    } else if (result.kind === "scan" && request.kind === "scan") {
      this.#entries = joined(this.#entries, result.entries);
      const bytes = result.entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
      if (!this.#fits(bytes) || more) return;
      const { revision } = result;
      this.#settle({ kind: "answered", result: { entries: this.#entries, revision } });
    } else if (result.kind === "query" && request.kind === "query") {
      if (this.#fits(result.answer.length)) this.#takeQuery(result.answer);
    } else {
      this.#failAsNoAnswer();
    }
  }

  #takeQuery(bytes: Uint8Array): void {
    try {
      this.#settle({ kind: "answered", result: decodeQuery(bytes) });
    } catch (error) {
      if (!isEngineError(error)) throw error;
      this.#failAsNoAnswer();
    }
  }

  #fits(bytes: number): boolean {
    const { answerBytesMax } = this.#setup;
    this.#answerBytes += bytes;
    if (this.#answerBytes <= answerBytesMax) return true;
    this.#values = noValues;
    this.#entries = noEntries;
    const message = `the answer is larger than ${answerBytesMax} bytes (answerBytesMax)`;
    this.fail({ kind: "refused", code: "INVALID_REQUEST", message });
    return false;
  }

  #failAsNoAnswer(): void {
    const message = `a ${this.#setup.request.kind} was answered with what is no answer to it`;
    this.fail({ kind: "refused", code: "INVALID_RESPONSE", message });
  }
}

const noValues: (Uint8Array | undefined)[] = [];
const noEntries: SessionScanEntry[] = [];

/** The first part as it is, for most results have one. */
function joined<T>(first: T[], next: readonly T[]): T[] {
  if (first.length === 0) return next as T[];
  for (const one of next) first.push(one);
  return first;
}

function entryBytes({ key, value }: SessionScanEntry): number {
  return key.length + value.length;
}

function operationOf(
  id: number,
  request: SessionRequest,
  givenMs: number,
): SessionCall["operation"] {
  const timeoutMs = Math.ceil(givenMs);
  switch (request.kind) {
    case "write":
      return { kind: "write", id, timeoutMs, command: request.command };
    case "read": {
      const policy = policyOf(request.consistency);
      return { kind: "read", id, timeoutMs, keys: request.keys, policy };
    }
    case "scan": {
      const policy = policyOf(request.consistency);
      return { kind: "scan", id, timeoutMs, prefix: request.prefix, policy };
    }
    case "query": {
      const policy = policyOf(request.consistency);
      return { kind: "query", id, timeoutMs, query: request.query, policy };
    }
  }
}
