import { CodecError } from "./codec-error.js";

/**
 * UTF-8 without the platform's encoders, which pure packages do not see. Strict both ways: a lone
 * surrogate has no encoding and malformed bytes have no text, where the platform's would quietly
 * put U+FFFD. A byte order mark is text like any other.
 */

/** Bytes of `text`. Throws `CodecError` for a lone surrogate. */
export function utf8ToBytes(text: string, field = "text"): Uint8Array {
  const bytes = new Uint8Array(utf8Size(text, field));
  writeUtf8(bytes, 0, text);
  return bytes;
}

/** How many bytes `utf8ToBytes` makes. Throws `CodecError` for a lone surrogate. */
export function utf8Size(text: string, field: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    size += unit < 0x800 ? 1 : 2;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (!isPair(text, i)) throw new CodecError(field, `lone surrogate at character ${i}`);
    // Two units make four bytes: two for each. The second is done with the first.
    i++;
  }
  return size;
}

/** Writes text that `utf8Size` has measured; returns the position after it. */
export function writeUtf8(target: Uint8Array, from: number, text: string): number {
  let position = from;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point < 0x80) {
      target[position++] = point;
      continue;
    }
    if (point < 0x800) {
      target[position++] = 0xc0 | (point >> 6);
    } else {
      if (point < 0x1_0000) {
        target[position++] = 0xe0 | (point >> 12);
      } else {
        target[position++] = 0xf0 | (point >> 18);
        target[position++] = 0x80 | ((point >> 12) & 0x3f);
        i++;
      }
      target[position++] = 0x80 | ((point >> 6) & 0x3f);
    }
    target[position++] = 0x80 | (point & 0x3f);
  }
  return position;
}

/** The text of `bytes`. Throws `CodecError`, with the offset, for anything but UTF-8. */
export function bytesToUtf8(bytes: Uint8Array, field = "text"): string {
  let text = "";
  let position = 0;
  while (position < bytes.length) {
    const lead = bytes[position]!;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      position++;
      continue;
    }
    const length = sequenceLength(lead);
    const point = readSequence(bytes, position, length);
    if (point < 0) throw new CodecError(field, "not UTF-8", position);
    text += String.fromCodePoint(point);
    position += length;
  }
  return text;
}

function isPair(text: string, index: number): boolean {
  const high = text.charCodeAt(index);
  const low = text.charCodeAt(index + 1); // NaN past the end
  return high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}

/** 0 for a byte that begins no sequence. */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/** The code point of one sequence of two to four bytes, or -1. */
function readSequence(bytes: Uint8Array, from: number, length: number): number {
  if (length === 0 || from + length > bytes.length) return -1;
  let point = bytes[from]! & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) {
    const byte = bytes[from + i]!;
    if ((byte & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (byte & 0x3f);
  }
  if (length === 3 && (point < 0x800 || (point >= 0xd800 && point <= 0xdfff))) return -1;
  if (length === 4 && (point < 0x1_0000 || point > 0x10_ffff)) return -1;
  return point;
}
