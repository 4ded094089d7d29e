import { keyToString } from "@d-engine/codec";

/**
 * Finds key and value of a put without a TTL, laid out as every encoder lays it out, without
 * making an object: nearly all commands are such puts, and each is looked at twice on its way, when
 * it is validated and when it is applied. Anything else, odd or broken, is not a plain put here
 * and goes through `decodeWriteCommand`, which finds the same in what both accept.
 *
 * Layout, all lengths varints: 0x0a, length of the rest; 0x0a, length of the key, key; then, unless
 * the value is empty, 0x12, length of the value, value; nothing after it.
 */
export class PlainPut {
  keyFrom = 0;
  keyTo = 0;
  valueFrom = 0;
  valueTo = 0;
  #position = 0;

  /** Whether `bytes` is a plain put; if so, the fields say where its parts lie. */
  read(bytes: Uint8Array): boolean {
    const end = bytes.length;
    if (bytes[0] !== insertTag) return false;
    this.#position = 1;
    const rest = this.#length(bytes);
    if (this.#position + rest !== end || bytes[this.#position] !== keyTag) return false;
    this.#position++;
    const keyBytes = this.#length(bytes);
    this.keyFrom = this.#position;
    this.keyTo = this.keyFrom + keyBytes;
    if (this.keyTo === end) {
      this.valueFrom = end;
      this.valueTo = end;
      return true;
    }
    if (this.keyTo > end || bytes[this.keyTo] !== valueTag) return false;
    this.#position = this.keyTo + 1;
    const valueBytes = this.#length(bytes);
    this.valueFrom = this.#position;
    this.valueTo = this.valueFrom + valueBytes;
    return this.valueTo === end;
  }

  /** The key of the plain put that was read last. */
  key(bytes: Uint8Array): string {
    return keyToString(bytes, this.keyFrom, this.keyTo);
  }

  /** A varint of at most four bytes; for a longer or cut one more than any array holds. */
  #length(bytes: Uint8Array): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[this.#position++];
      if (byte === undefined) return beyondAnyEnd;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return beyondAnyEnd;
  }
}

const insertTag = 0x0a;
const keyTag = 0x0a;
const valueTag = 0x12;

/** A small integer, unlike `NaN` or infinity, which would slow the fields down from then on. */
const beyondAnyEnd = 2 ** 30;
