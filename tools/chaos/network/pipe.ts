import type { Socket } from "node:net";
import type { Gate } from "./gate.js";

/** Beyond this a sender feels the back-pressure of what is held back. */
const heldBytesMax = 256 * 1024;

type Piece =
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly dueMs: number }
  | { readonly kind: "end"; readonly dueMs: number };

/**
 * One direction of one connection. Everything that the source sends arrives at the sink in order,
 * when the gate lets it; the end of the stream too, so that behind a block even a dead sender
 * looks alive. Holds a bounded number of bytes; beyond it the source is not read.
 */
export class Pipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #gate: Gate;
  readonly #held: Piece[] = [];
  readonly #unlisten: () => void;
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: Socket, sink: Socket, gate: Gate) {
    this.#source = source;
    this.#sink = sink;
    this.#gate = gate;
    this.#unlisten = gate.onChange(() => this.#flush());
    source.on("data", (bytes: Buffer) => {
      this.#heldBytes += bytes.length;
      this.#take({ kind: "bytes", bytes, dueMs: performance.now() + gate.delayMs });
    });
    source.on("end", () => this.#take({ kind: "end", dueMs: performance.now() + gate.delayMs }));
    sink.on("drain", () => this.#flush());
  }

  close(): void {
    this.#unlisten();
    clearTimeout(this.#timer);
    this.#held.length = 0;
  }

  #take(piece: Piece): void {
    if (this.#gate.isBlocked) this.#gate.heldBack += 1;
    this.#held.push(piece);
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    while (!this.#gate.isBlocked && !this.#sink.writableNeedDrain) {
      const piece = this.#held[0];
      if (piece === undefined) break;
      const waitMs = piece.dueMs - performance.now();
      if (waitMs > 0 && this.#gate.delayMs > 0) {
        this.#timer = setTimeout(() => this.#flush(), waitMs);
        break;
      }
      this.#held.shift();
      this.#pass(piece);
    }
    if (this.#heldBytes > heldBytesMax) this.#source.pause();
    else if (this.#source.isPaused()) this.#source.resume();
  }

  #pass(piece: Piece): void {
    if (piece.kind === "end") {
      this.#sink.end();
      return;
    }
    this.#heldBytes -= piece.bytes.length;
    this.#sink.write(piece.bytes);
  }
}
