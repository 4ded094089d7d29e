import type { FileHandle } from "../file-system.js";

/** Up to `length` bytes from `position` on, in an array of their own; fewer only at the end. */
export async function readFully(
  file: FileHandle,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(bytes, filled, length - filled, position + filled);
    if (count === 0) return bytes.subarray(0, filled);
    filled += count;
  }
  return bytes;
}

/** The first `bytes` bytes in pieces; ends early where the file does. */
export async function* readPieces(
  file: FileHandle,
  bytes: number,
  pieceBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; position < bytes; ) {
    const piece = await readFully(file, position, Math.min(pieceBytes, bytes - position));
    if (piece.length === 0) return;
    position += piece.length;
    yield piece;
  }
}
