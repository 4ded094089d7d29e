import { EngineError } from "@d-engine/core";

/** Bytes that a key and a value cost in an answer besides themselves, at most. */
const frameBytes = 24;

/** Keeps an answer within its bound before it is built. */
export class AnswerBytes {
  readonly #max: number;
  readonly #advice: string;
  #bytes = 0;

  constructor(max: number, advice: string) {
    this.#max = max;
    this.#advice = advice;
  }

  /** Throws `INVALID_REQUEST` when the answer would grow beyond its bound. */
  add(key: Uint8Array, value: Uint8Array): void {
    this.#bytes += key.length + value.length + frameBytes;
    if (this.#bytes <= this.#max) return;
    throw new EngineError(
      "INVALID_REQUEST",
      `the answer would be larger than ${this.#max} bytes (answerBytesMax); ${this.#advice}`,
    );
  }
}
