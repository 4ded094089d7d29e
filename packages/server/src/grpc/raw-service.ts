import type { DescService } from "@d-engine/proto";
import type { ServiceDefinition } from "@grpc/grpc-js";

/**
 * A service of the contract for the gRPC library, messages as the bytes they arrived in: each
 * handler decodes by itself, so that bytes that cannot be decoded are its to answer.
 */
export function rawServiceDefinition(service: DescService): ServiceDefinition {
  const methods = service.methods.map((method) => [
    method.name,
    {
      path: `/${service.typeName}/${method.name}`,
      requestStream:
        method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
      responseStream:
        method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asBuffer,
      responseDeserialize: asIs,
    },
  ]);
  return Object.fromEntries(methods) as ServiceDefinition;
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
