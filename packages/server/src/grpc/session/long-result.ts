import {
  type SessionResult,
  type SessionScanEntry,
  sessionEntrySize,
  sessionValueSize,
} from "@d-engine/codec";

/** Bytes that a part takes besides its elements, at most. */
const frameBytes = 64;

/** The list of one read or scan, sent in as many parts as it takes. */
export class LongResult {
  readonly id: number;
  readonly #list: ResultList;
  #next = 0;

  constructor(id: number, list: ResultList) {
    this.id = id;
    this.#list = list;
  }

  /**
   * The next part, of at most `room` bytes; `undefined` when nothing fits, unless `atLeastOne` is
   * set: a single value larger than any room must still go.
   */
  take(room: number, atLeastOne: boolean): SessionPart | undefined {
    const from = this.#next;
    const length = this.#list.elements.length;
    let bytes = frameBytes;
    let to = from;
    for (; to < length; to += 1) {
      const grown = bytes + this.#sizeAt(to);
      if (grown > room && !(atLeastOne && to === from)) break;
      bytes = grown;
    }
    if (to === from && from < length) return undefined;
    this.#next = to;
    return { result: this.#part(from, to), bytes, last: to === length };
  }

  #sizeAt(at: number): number {
    const list = this.#list;
    return list.kind === "read"
      ? sessionValueSize(list.elements[at])
      : sessionEntrySize(list.elements[at] as SessionScanEntry);
  }

  #part(from: number, to: number): SessionResult {
    const { id } = this;
    const list = this.#list;
    const more = to < list.elements.length;
    if (list.kind === "read") {
      return { kind: "read", id, more, values: list.elements.slice(from, to) };
    }
    const { revision } = list;
    return { kind: "scan", id, more, entries: list.elements.slice(from, to), revision };
  }
}

/** What a read or a scan found: views of the state, which does not change under them. */
export type ResultList =
  | { readonly kind: "read"; readonly elements: readonly (Uint8Array | undefined)[] }
  | {
      readonly kind: "scan";
      readonly elements: readonly SessionScanEntry[];
      readonly revision: number;
    };

export interface SessionPart {
  readonly result: SessionResult;
  readonly bytes: number;
  /** Whether nothing of it is left. */
  readonly last: boolean;
}
