/** A running SHA-256. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** 32 bytes: the hash of everything so far. More may follow. */
  digest(): Uint8Array;
}

/** Begins a new one. */
export type NewSha256 = () => Sha256;

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of an even number of hexadecimal digits. */
export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
