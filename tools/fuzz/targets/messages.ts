import { isEngineError } from "@d-engine/core";
import * as proto from "@d-engine/proto";
import { create, type DescMessage, fromBinary, kvService, toBinary } from "@d-engine/proto";
import { decodeRequest } from "@d-engine/server/internal";
import { randomMessage } from "../random-message.js";
import { type FuzzTarget, keepsMeaning } from "../target.js";

const SCHEMAS: readonly DescMessage[] = Object.values(proto)
  .flatMap((file) => (typeof file === "object" ? Object.values(file as object) : []))
  .filter((value): value is DescMessage => (value as DescMessage | undefined)?.kind === "message");

function schemaOf(bytes: Uint8Array): DescMessage {
  const schema = SCHEMAS[((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) % SCHEMAS.length];
  if (schema === undefined) throw new Error("there are no messages");
  return schema;
}

/** All messages of the contract and of ours, through the generated code, as the services do. */
const messagesTarget: FuzzTarget = {
  name: "protobuf/messages",
  samples: (random) =>
    SCHEMAS.flatMap((schema, at) =>
      [1, 2].map(() => {
        const head = Uint8Array.of(at >> 8, at & 0xff);
        return Buffer.concat([head, toBinary(schema, randomMessage(schema, random))]);
      }),
    ),
  run: (bytes) => {
    const schema = schemaOf(bytes);
    const decode = (body: Uint8Array) => decodeRequest(schema, body);
    keepsMeaning(decode(bytes.subarray(2)), (message) => toBinary(schema, message), decode);
  },
  isRefusal: (error) => isEngineError(error, "INVALID_REQUEST"),
};

const watchSchema = kvService.WatchStreamRequestSchema;

/** What clients send on a stream of watches. */
const watchTarget: FuzzTarget = {
  name: "watch/requests",
  samples: (random) => [
    toBinary(watchSchema, create(watchSchema, { request: { case: "cancel", value: 3n } })),
    ...Array.from({ length: 20 }, () =>
      toBinary(watchSchema, randomMessage(watchSchema, random) as never),
    ),
  ],
  run: (bytes) => {
    const decode = (body: Uint8Array) => fromBinary(watchSchema, body);
    keepsMeaning(
      decodeRequest(watchSchema, bytes),
      (message) => toBinary(watchSchema, message),
      decode,
    );
  },
  isRefusal: (error) => isEngineError(error, "INVALID_REQUEST"),
};

export const messageTargets: readonly FuzzTarget[] = [messagesTarget, watchTarget];
