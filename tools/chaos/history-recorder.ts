import { createWriteStream, type WriteStream } from "node:fs";
import type { HistoryOperation } from "@d-engine/simulator";
import type { Life } from "./chaos-cluster.js";
import type { RecordedOperation } from "./clients/recorded-operation.js";

/**
 * Gathers what all clients saw, in memory for the checker and as lines of a file for people and
 * other checkers. Names the process that eventual reads were answered by: they never go back on
 * one node, but a node that crashed may begin anew a little before what it had shown.
 */
export class HistoryRecorder {
  readonly operations: HistoryOperation[] = [];
  /** By what they were and how they ended: `put ok`, `get lease fail NOT_LEADER`. */
  readonly counts = new Map<string, number>();
  readonly #file: WriteStream;
  readonly #startNs: bigint;
  readonly #lives: readonly Life[];

  constructor(path: string, startNs: bigint, lives: readonly Life[]) {
    this.#file = createWriteStream(path);
    this.#startNs = startNs;
    this.#lives = lives;
  }

  record(operation: RecordedOperation): void {
    const { node } = operation;
    const named = node === undefined ? operation : { ...operation, node: this.#life(operation) };
    this.operations.push(named);
    this.#file.write(`${JSON.stringify(named)}\n`);
    const { op, level, status, error } = operation;
    const parts = [op, level, status, error].filter((part) => part !== undefined);
    const key = parts.join(" ");
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  count(test: (operation: HistoryOperation) => boolean): number {
    return this.operations.reduce((sum, operation) => sum + (test(operation) ? 1 : 0), 0);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#file.end(resolve));
  }

  #life({ node, call, return: end }: RecordedOperation): string {
    const first = this.#livesUntil(Number(node), call);
    const last = this.#livesUntil(Number(node), end ?? call);
    return first === last ? `${node}#${first}` : `${node}#${first}-${last}`;
  }

  #livesUntil(node: number, atNs: number): number {
    return this.#lives.filter(
      (life) => life.node === node && Number(life.startedNs - this.#startNs) <= atNs,
    ).length;
  }
}
