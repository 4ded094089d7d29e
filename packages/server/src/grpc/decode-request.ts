import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Consistency } from "@d-engine/client";
import { CodecError, decodeKvQuery, type KvQuery } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { client, type DescMessage, fromBinary, type MessageShape } from "@d-engine/proto";

/** Decodes a request. Throws `INVALID_REQUEST` for bytes that are not that message. */
export function decodeRequest<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw malformed(schema, bytes, cause);
  }
}

/**
 * The bytes of `ClientWriteRequest.command`, as they arrived: they become the log entry, byte for
 * byte, fields of later versions included. Empty when the request has no command.
 */
export function commandOfWriteRequest(bytes: Uint8Array): Uint8Array {
  const schema = client.ClientWriteRequestSchema;
  return bytesOfField(schema, schema.field.command.number, bytes);
}

/**
 * The bytes of a member that is itself a message. A field that appears twice means both halves
 * merged, which in this encoding is their concatenation. Empty when it is absent.
 */
export function bytesOfField(schema: DescMessage, wanted: number, bytes: Uint8Array): Uint8Array {
  const found: Uint8Array[] = [];
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === wanted && wireType === WireType.LengthDelimited) found.push(reader.bytes());
      else reader.skip(wireType, field);
    }
  } catch (cause) {
    throw malformed(schema, bytes, cause);
  }
  const [only] = found;
  return found.length === 1 && only !== undefined ? only : Buffer.concat(found);
}

/** Decodes a `d_engine.kv.v1.Query`. Throws `INVALID_REQUEST` for what is none. */
export function queryOf(bytes: Uint8Array): KvQuery {
  try {
    return decodeKvQuery(bytes);
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    const message = `the query (${bytes.length} bytes) cannot be decoded: ${cause.message}`;
    throw new EngineError("INVALID_REQUEST", message, { cause });
  }
}

/**
 * The level that a request asks for; `undefined` when it leaves that to this node. 0 is a level
 * (lease), so presence counts and not the value.
 */
export function consistencyOf(
  policy: client.ReadConsistencyPolicy | undefined,
): Consistency | undefined {
  switch (policy) {
    case undefined:
      return undefined;
    case client.ReadConsistencyPolicy.LEASE_READ:
      return "lease";
    case client.ReadConsistencyPolicy.LINEARIZABLE_READ:
      return "linearizable";
    case client.ReadConsistencyPolicy.EVENTUAL_CONSISTENCY:
      return "eventual";
    default:
      throw new EngineError(
        "INVALID_REQUEST",
        `consistency_policy ${String(policy)} is none of 0 (lease), 1 (linearizable), 2 (eventual)`,
      );
  }
}

function malformed(schema: DescMessage, bytes: Uint8Array, cause: unknown): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    `the request (${bytes.length} bytes) is not a ${schema.typeName}`,
    { cause },
  );
}
