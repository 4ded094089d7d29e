import { EngineError } from "@d-engine/core";
import { type handleBidiStreamingCall, Metadata, type ServerDuplexStream } from "@grpc/grpc-js";
import type { Callers } from "../../auth/callers.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { GrpcLimits } from "../limits.js";
import type { BugListener } from "../unary-call.js";
import { isAnswer, serviceErrorOf } from "../wire-status.js";
import { ServerSession, type SessionPeer } from "./server-session.js";

type Call = ServerDuplexStream<Buffer, Uint8Array>;

/** All sessions of a node. Bounded: one beyond `sessionsMax` is refused with `RATE_LIMITED`. */
export class OpenSessions {
  readonly #limits: GrpcLimits;
  readonly #callers: Callers;
  readonly #onBug: BugListener;
  readonly #sessions = new Set<ServerSession>();
  #draining = false;

  constructor(limits: GrpcLimits, callers: Callers, onBug: BugListener) {
    this.#limits = limits;
    this.#callers = callers;
    this.#onBug = onBug;
  }

  /** Serves `node` to the gRPC library. */
  serve(node: LocalNode): handleBidiStreamingCall<Buffer, Uint8Array> {
    return (call) => {
      const method = call.getPath();
      const onBug = (error: unknown): void => this.#onBug(error, method);
      try {
        this.#admit();
        // Before the first answer: what clients wait for may be the headers alone.
        call.sendMetadata(new Metadata());
        this.#open(call, node, onBug);
      } catch (error) {
        endCall(call, error, onBug);
      }
    };
  }

  /** Lets each session finish what it has taken in, and admits no more. */
  drain(): void {
    this.#draining = true;
    for (const session of this.#sessions) session.drain();
  }

  #admit(): void {
    if (this.#draining) {
      throw new EngineError("CLOSED", "this node is shutting down; ask another, or again later");
    }
    if (this.#sessions.size < this.#limits.sessionsMax) return;
    throw new EngineError(
      "RATE_LIMITED",
      `${this.#limits.sessionsMax} sessions are open on this node (sessionsMax); close some`,
      { retryAfterMs: 1_000 },
    );
  }

  #open(call: Call, node: LocalNode, onBug: (error: unknown) => void): void {
    // A session that is over is let go, whether or not its client takes note of the end.
    const forget = (): void => {
      session.dispose();
      this.#sessions.delete(session);
    };
    const peer: SessionPeer = {
      write: (bytes, taken) => void call.write(bytes, () => taken()),
      setPaused: (paused) => {
        if (paused !== call.isPaused()) call[paused ? "pause" : "resume"]();
      },
      end: (error) => {
        forget();
        endCall(call, error, onBug);
      },
    };
    const caller = this.#callers.of(call.metadata);
    const session = new ServerSession({ node, caller, limits: this.#limits, peer, onBug });
    session.greet();
    this.#sessions.add(session);
    call.on("cancelled", forget).on("close", forget).on("error", forget);
    call.on("data", (bytes: Buffer) => session.receive(bytes));
    call.on("end", () => session.inputEnded());
  }
}

/** Ends a stream: well, or with the status that the error stands for. */
function endCall(call: Call, error: unknown, onBug: (error: unknown) => void): void {
  if (error === undefined) {
    call.end();
    return;
  }
  if (!isAnswer(error)) onBug(error);
  // The library takes it for the status that the stream ends with.
  call.emit("error", serviceErrorOf(error));
}
