import type { DescMethod } from "@d-engine/proto";

/** The path of a method, as gRPC has it. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Serializers for messages that are bytes already. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function asIs(bytes: Buffer): Buffer {
  return bytes;
}
