import { KV_NAMESPACE } from "./namespaces.js";

/** Bytes of the key of an event in a snapshot. */
export const eventKeyBytes = 13;

/** Writes the key of an event: its revision, and its place among the events of that. */
export function writeEventKey(target: Uint8Array, revision: number, place: number): void {
  const view = new DataView(target.buffer, target.byteOffset, eventKeyBytes);
  view.setUint8(0, KV_NAMESPACE.event);
  view.setUint32(1, Math.floor(revision / 2 ** 32));
  view.setUint32(5, revision >>> 0);
  view.setUint32(9, place);
}

/** The revision and the place in the key of an event, which has `eventKeyBytes`. */
export function readEventKey(key: Uint8Array): { revision: number; place: number } {
  const view = new DataView(key.buffer, key.byteOffset, eventKeyBytes);
  return { revision: view.getUint32(1) * 2 ** 32 + view.getUint32(5), place: view.getUint32(9) };
}
