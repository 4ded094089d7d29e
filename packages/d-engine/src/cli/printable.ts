const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// What a terminal obeys instead of showing, and the marks that turn the direction of text around.
const unsafe = /(?![\n\t])[\p{Control}\p{Bidi_Control}]/u;

/** The text that the bytes are, or `undefined` when they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    // Not text: a fact about the value, not a failure.
    return undefined;
  }
}

/** The text that the bytes are, when a terminal can show it as it is. */
export function plainTextOf(bytes: Uint8Array): string | undefined {
  const text = textOf(bytes);
  return text === undefined || unsafe.test(text) ? undefined : text;
}

/**
 * Any bytes as one line that a terminal can show and that stands for these bytes alone: text as it
 * is, but a backslash as `\\`, and line ends, tabs, control characters and bytes that are not
 * UTF-8 as `\n`, `\t` and `\x` with two digits.
 */
export function escaped(bytes: Uint8Array): string {
  const text = plainTextOf(bytes);
  if (text !== undefined) return text.replace(/[\\\n\t]/g, (char) => SHORT[char] ?? char);
  return Array.from(bytes, escapedByte).join("");
}

const SHORT: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\t": "\\t" };

function escapedByte(byte: number): string {
  const char = String.fromCharCode(byte);
  if (SHORT[char] !== undefined) return SHORT[char];
  if (byte >= 0x20 && byte < 0x7f) return char;
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}

/** A member of a JSON answer: `name` when the bytes are text, otherwise `nameBase64`. */
export function jsonBytes(name: string, bytes: Uint8Array): Readonly<Record<string, string>> {
  const text = textOf(bytes);
  if (text !== undefined) return { [name]: text };
  return { [`${name}Base64`]: Buffer.from(bytes).toString("base64") };
}
