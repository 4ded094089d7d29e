import {
  type DecodedSessionOperation,
  encodeCommandResult,
  encodeKvQueryResult,
  type SessionResult,
  sessionEntrySize,
  sessionValueSize,
} from "@d-engine/codec";
import { EngineError, isEngineError } from "@d-engine/core";
import type { Caller } from "../../driver/caller.js";
import { Fifo } from "../../driver/fifo.js";
import type { LocalNode, ReadRequestOptions } from "../../driver/local-node.js";
import { AnswerBytes } from "../answer-bytes.js";
import { consistencyOf, queryOf } from "../decode-request.js";
import type { GrpcLimits } from "../limits.js";
import { Cancellation } from "./cancellation.js";
import { failureOf } from "./failure.js";
import { LongResult, type ResultList } from "./long-result.js";

type Operation = Exclude<DecodedSessionOperation, { readonly kind: "cancel" }>;
type Write = Extract<Operation, { readonly kind: "write" }>;
type Read = Extract<Operation, { readonly kind: "read" }>;
type Query = Extract<Operation, { readonly kind: "query" }>;
type Scan = Extract<Operation, { readonly kind: "scan" }>;

/** Where what came of the operations goes. */
export interface ResultSink {
  add(result: SessionResult): void;
  addLong(result: LongResult): void;
}

export interface NodeOperationsSetup {
  readonly node: LocalNode;
  readonly caller: Caller;
  readonly limits: GrpcLimits;
  readonly sink: ResultSink;
  /** Told of errors that are bugs of ours. */
  readonly onBug: (error: unknown) => void;
}

/** Up to this many bytes a list is sent in one piece. */
const shortListBytesMax = 64 * 1024;

/** The operations of one session at the node: each started here ends with one result. */
export class NodeOperations {
  readonly #setup: NodeOperationsSetup;
  readonly #cancellations = new Map<number, Cancellation>();
  readonly #scansWaiting = new Fifo<WaitingScan>();
  #scans = 0;

  constructor(setup: NodeOperationsSetup) {
    this.#setup = setup;
  }

  start(operation: Operation): void {
    switch (operation.kind) {
      case "write":
        this.#write(operation);
        break;
      case "read":
        this.#read(operation);
        break;
      case "scan":
        this.#scansWaiting.push({
          scan: operation,
          sinceMs: performance.now(),
          signal: this.#cancellable(operation.id),
        });
        this.#nextScan();
        break;
      case "query":
        this.#query(operation);
        break;
      case "none": {
        const message = "this version does not know that kind of operation";
        // Executed or not, it would have changed nothing: it was not even understood.
        this.fail(operation.id, new EngineError("UNIMPLEMENTED", message), "read");
        break;
      }
    }
  }

  /** Ends the operation now, of unknown outcome if it is a write. */
  cancel(id: number): void {
    this.#cancellations.get(id)?.cancel(canceled());
  }

  cancelAll(): void {
    // One error for all: a stack trace for each of thousands would stall the node.
    const reason = canceled();
    for (const cancellation of this.#cancellations.values()) cancellation.cancel(reason);
  }

  fail(id: number, error: unknown, operation: "read" | "write"): void {
    if (!isEngineError(error)) this.#setup.onBug(error);
    this.#setup.sink.add(failureOf(id, error, operation));
  }

  #write({ id, timeoutMs, command }: Write): void {
    if (command.length === 0) {
      this.fail(id, new EngineError("INVALID_REQUEST", "the write has no command"), "write");
      return;
    }
    this.#setup.node.write(command, this.#bounds(id, timeoutMs)).then(
      ({ succeeded, revision, existed, detail: result }) => {
        this.#cancellations.delete(id);
        const detail = result === undefined ? undefined : encodeCommandResult(result);
        this.#setup.sink.add({ kind: "write", id, succeeded, revision, existed, detail });
      },
      (error: unknown) => {
        this.#cancellations.delete(id);
        this.fail(id, error, "write");
      },
    );
  }

  async #read({ id, timeoutMs, keys, policy }: Read): Promise<void> {
    const { node, limits } = this.#setup;
    try {
      if (keys.length > limits.readKeysMax) {
        throw new EngineError(
          "INVALID_REQUEST",
          `${keys.length} keys in one read, at most ${limits.readKeysMax} allowed`,
        );
      }
      const consistency = consistencyOf(policy);
      const values = await node.read(keys, { consistency, ...this.#bounds(id, timeoutMs) });
      const size = new AnswerBytes(limits.answerBytesMax, "ask for fewer keys at once");
      let bytes = 0;
      values.forEach((value, at) => {
        if (value !== undefined) size.add(keys[at] as Uint8Array, value);
        bytes += sessionValueSize(value);
      });
      this.#addList(id, { kind: "read", elements: values }, bytes);
    } catch (error) {
      this.fail(id, error, "read");
    } finally {
      this.#cancellations.delete(id);
    }
  }

  async #query({ id, timeoutMs, query, policy }: Query): Promise<void> {
    const { node, sink } = this.#setup;
    try {
      const consistency = consistencyOf(policy);
      const bounds = this.#bounds(id, timeoutMs);
      const result = await node.query(queryOf(query), { consistency, ...bounds });
      sink.add({ kind: "query", id, answer: encodeKvQueryResult(result) });
    } catch (error) {
      this.fail(id, error, "read");
    } finally {
      this.#cancellations.delete(id);
    }
  }

  #nextScan(): void {
    if (this.#scans >= this.#setup.limits.sessionScansMax) return;
    const next = this.#scansWaiting.shift();
    if (next === undefined) return;
    this.#scans += 1;
    void this.#scan(next).finally(() => {
      this.#scans -= 1;
      this.#nextScan();
    });
  }

  async #scan({ scan: asked, sinceMs, signal }: WaitingScan): Promise<void> {
    const { node, caller, limits } = this.#setup;
    const { id, timeoutMs, prefix, policy } = asked;
    try {
      const consistency = consistencyOf(policy);
      // At least 1: a time that has just run out is the node's to tell.
      const restMs = Math.max(1, timeoutMs - (performance.now() - sinceMs));
      const left = timeoutMs === 0 ? undefined : restMs;
      const options = { caller, consistency, timeoutMs: left, signal };
      const scan = await node.scan(prefix, options);
      const size = new AnswerBytes(limits.answerBytesMax, "scan a longer prefix");
      let bytes = 0;
      for (const entry of scan.entries) {
        size.add(entry.key, entry.value);
        bytes += sessionEntrySize(entry);
      }
      this.#addList(id, { kind: "scan", elements: scan.entries, revision: scan.revision }, bytes);
    } catch (error) {
      this.fail(id, error, "read");
    } finally {
      this.#cancellations.delete(id);
    }
  }

  #addList(id: number, list: ResultList, bytes: number): void {
    const result = new LongResult(id, list);
    const whole = bytes > shortListBytesMax ? undefined : result.take(2 * shortListBytesMax, true);
    if (whole?.last === true) this.#setup.sink.add(whole.result);
    else this.#setup.sink.addLong(result);
  }

  #bounds(
    id: number,
    timeoutMs: number,
  ): Pick<ReadRequestOptions, "caller" | "timeoutMs" | "signal"> {
    const signal = this.#cancellable(id);
    const { caller } = this.#setup;
    return { caller, timeoutMs: timeoutMs === 0 ? undefined : timeoutMs, signal };
  }

  #cancellable(id: number): Cancellation {
    const cancellation = new Cancellation();
    this.#cancellations.set(id, cancellation);
    return cancellation;
  }
}

interface WaitingScan {
  readonly scan: Scan;
  readonly sinceMs: number;
  readonly signal: Cancellation;
}

function canceled(): EngineError {
  return new EngineError("OUTCOME_UNKNOWN", "the caller canceled, or its session ended");
}
