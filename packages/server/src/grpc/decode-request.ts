import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Consistency } from "@d-engine/client";
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
 * byte, fields of later versions included. A field that appears twice means both halves merged,
 * which in this encoding is their concatenation. Empty when the request has no command.
 */
export function commandOfWriteRequest(bytes: Uint8Array): Uint8Array {
  const schema = client.ClientWriteRequestSchema;
  const commands: Uint8Array[] = [];
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === schema.field.command.number && wireType === WireType.LengthDelimited) {
        commands.push(reader.bytes());
      } else {
        reader.skip(wireType, field);
      }
    }
  } catch (cause) {
    throw malformed(schema, bytes, cause);
  }
  const [only] = commands;
  return commands.length === 1 && only !== undefined ? only : Buffer.concat(commands);
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
