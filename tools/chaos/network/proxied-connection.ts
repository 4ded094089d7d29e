import { connect, type Socket } from "node:net";
import type { Gate } from "./gate.js";
import { Pipe } from "./pipe.js";

export interface ProxiedConnectionOptions {
  readonly caller: Socket;
  readonly nodePort: number;
  /** From the caller to the node, and back. */
  readonly forth: Gate;
  readonly back: Gate;
  readonly onClosed: () => void;
}

/** A connection from a caller to a node, with both gates on the way. */
export class ProxiedConnection {
  readonly #options: ProxiedConnectionOptions;
  readonly #ended = new AbortController();
  #node: Socket | undefined;
  #pipes: readonly Pipe[] = [];

  constructor(options: ProxiedConnectionOptions) {
    this.#options = options;
    options.caller.on("error", () => undefined); // "close" follows
    options.caller.on("close", () => void this.#after(options.forth, () => this.#node));
    void this.#begin();
  }

  /** Breaks both halves at once, with a reset. */
  cut(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    for (const pipe of this.#pipes) pipe.close();
    this.#options.caller.resetAndDestroy();
    this.#node?.resetAndDestroy();
    this.#options.onClosed();
  }

  /** A connection comes about only when packets pass in both directions. */
  async #begin(): Promise<void> {
    const { caller, nodePort, forth, back } = this.#options;
    const { signal } = this.#ended;
    while (forth.isBlocked || back.isBlocked) {
      if (!(await forth.open(signal)) || !(await back.open(signal))) return;
    }
    if (signal.aborted || caller.destroyed) return this.cut();
    const node = connect({ port: nodePort, host: "127.0.0.1", allowHalfOpen: true });
    this.#node = node;
    node.on("error", () => undefined); // "close" follows
    node.on("close", () => void this.#after(back, () => caller));
    this.#pipes = [new Pipe(caller, node, forth), new Pipe(node, caller, back)];
  }

  /** One side is gone; the other hears of it when the gate lets the news pass. */
  async #after(gate: Gate, other: () => Socket | undefined): Promise<void> {
    if (!(await gate.open(this.#ended.signal))) return;
    if (other()?.destroyed !== false) return this.cut();
    // What the dead side sent before its end is still to arrive, if nothing holds it back.
    const flushMs = gate.delayMs + 50;
    setTimeout(() => this.cut(), flushMs).unref();
  }
}
