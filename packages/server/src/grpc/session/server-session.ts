import {
  CodecError,
  type DecodedSessionOperation,
  type DecodedSessionRequest,
  decodeSessionRequest,
  encodeSessionResponse,
  Slab,
} from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { Caller } from "../../driver/caller.js";
import { Fifo } from "../../driver/fifo.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { GrpcLimits } from "../limits.js";
import { StatusError } from "../wire-status.js";
import { NodeOperations } from "./node-operations.js";
import { Outbox } from "./outbox.js";

/** The far end of a session. */
export interface SessionPeer {
  /** Calls back when the connection has taken the bytes. */
  write(bytes: Uint8Array, taken: () => void): void;
  /** Ends the stream after what was written: well, or with the status that `error` stands for. */
  end(error?: unknown): void;
  /** Stops and resumes the requests. */
  setPaused(paused: boolean): void;
}

export interface ServerSessionSetup {
  readonly node: LocalNode;
  /** Who opened it: each operation is looked at by what that may do then. */
  readonly caller: Caller;
  readonly limits: GrpcLimits;
  readonly peer: SessionPeer;
  readonly onBug: (error: unknown) => void;
}

/** Keys and operations that are looked at within one turn of the event loop. */
const turnCostMax = 16_384;

/**
 * One client's stream of operations. All operations of a message go to the node within one turn,
 * in their order, so that their writes form one proposal; answers leave as they come.
 *
 * Bounds: what is unanswered is limited in number and bytes by the announced window, and a client
 * that exceeds it loses the stream. One that does not read its answers is not read from. A message
 * that cannot be read, or breaks a rule, has no effect and ends the stream (scenario 78).
 */
export class ServerSession {
  readonly #setup: ServerSessionSetup;
  readonly #outbox: Outbox;
  readonly #operations: NodeOperations;
  readonly #slab = new Slab();
  /** Bytes of each unanswered operation, by id. */
  readonly #unanswered = new Map<number, number>();
  readonly #todo = new Fifo<DecodedSessionOperation>();
  #unansweredBytes = 0;
  #behind = false;
  #draining = false;
  #inputEnded = false;
  #over = false;
  readonly #runTurn = (): void => this.#guard(() => this.#run());

  constructor(setup: ServerSessionSetup) {
    const { node, caller, limits, peer, onBug } = setup;
    this.#setup = setup;
    this.#outbox = new Outbox({
      unsentBytesMax: limits.sessionUnsentBytesMax,
      write: (bytes, taken) => peer.write(bytes, taken),
      answered: (id) => this.#answered(id),
      behind: (isBehind) => {
        this.#behind = isBehind;
        this.#pace();
      },
    });
    this.#operations = new NodeOperations({ node, caller, limits, sink: this.#outbox, onBug });
  }

  /** Says hello and what may be unanswered. Throws `CLOSED` when the node does not serve. */
  greet(): void {
    const { node, limits, peer } = this.#setup;
    const greeting = encodeSessionResponse({
      hello: { nodeId: node.status().nodeId },
      window: {
        operationsMax: limits.sessionOperationsMax,
        operationBytesMax: limits.sessionBytesMax,
        messageBytesMax: limits.requestBytesMax,
      },
      results: [],
    });
    peer.write(greeting, () => undefined);
  }

  /** Takes one `SessionRequest`. */
  receive(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#guard(() => {
      const request = decodeSessionRequest(bytes, this.#slab);
      this.#admit(request);
      for (const operation of request.operations) this.#todo.push(operation);
      if (request.ping !== undefined) this.#outbox.pong(request.ping);
      this.#run();
    });
  }

  /** The client has sent its last message: the stream ends with the last answer. */
  inputEnded(): void {
    this.#inputEnded = true;
    this.#endIfDone();
  }

  /** Finishes what was taken in and refuses what still comes. */
  drain(): void {
    this.#draining = true;
    this.#outbox.drain();
  }

  /** Drops everything: nobody is there to be answered. Idempotent. */
  dispose(): void {
    this.#over = true;
    this.#outbox.close();
    this.#todo.retain(() => false);
    this.#operations.cancelAll();
    this.#unanswered.clear();
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.dispose();
      this.#setup.peer.end(statusOf(error));
    }
  }

  /** Counts the operations in. Throws before anything is begun if one of them breaks a rule. */
  #admit({ operations, sizes }: DecodedSessionRequest): void {
    const { sessionOperationsMax, sessionBytesMax } = this.#setup.limits;
    operations.forEach((operation, at) => {
      if (operation.kind === "cancel") return;
      const { id } = operation;
      if (id < 1) throw invalid("an operation has no id");
      if (this.#unanswered.has(id)) throw invalid(`operation ${id} is unanswered and comes again`);
      const bytes = sizes[at] as number;
      this.#unanswered.set(id, bytes);
      this.#unansweredBytes += bytes;
    });
    if (this.#unanswered.size > sessionOperationsMax) {
      throw exceeded(`${sessionOperationsMax} operations (operations_max)`);
    }
    if (this.#unansweredBytes > sessionBytesMax) {
      throw exceeded(`${sessionBytesMax} bytes of operations (operation_bytes_max)`);
    }
  }

  /** Starts what was admitted; a turn that would take too long is continued in the next one. */
  #run(): void {
    let cost = 0;
    while (cost < turnCostMax) {
      const operation = this.#todo.shift();
      if (operation === undefined) break;
      cost += operation.kind === "read" ? 1 + operation.keys.length : 1;
      this.#start(operation);
    }
    if (this.#todo.length > 0) setImmediate(this.#runTurn);
    this.#pace();
  }

  #start(operation: DecodedSessionOperation): void {
    if (operation.kind === "cancel") {
      this.#operations.cancel(operation.target);
    } else if (this.#draining) {
      const error = new EngineError("CLOSED", "this node is shutting down; ask another");
      this.#operations.fail(operation.id, error, operation.kind === "write" ? "write" : "read");
    } else {
      this.#operations.start(operation);
    }
  }

  #pace(): void {
    this.#setup.peer.setPaused(this.#behind || this.#todo.length > 0);
  }

  #answered(id: number): void {
    this.#unansweredBytes -= this.#unanswered.get(id) ?? 0;
    this.#unanswered.delete(id);
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#inputEnded || this.#over) return;
    if (this.#unanswered.size > 0 || !this.#outbox.isEmpty) return;
    this.dispose();
    this.#setup.peer.end();
  }
}

function statusOf(error: unknown): unknown {
  return error instanceof CodecError ? invalid(error.message) : error;
}

function invalid(what: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", `not a session request: ${what}`);
}

function exceeded(bound: string): StatusError {
  return new StatusError(
    "RESOURCE_EXHAUSTED",
    `more is unanswered than the announced window of ${bound}; await answers before sending more`,
  );
}
