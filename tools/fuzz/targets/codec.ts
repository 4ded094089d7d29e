import {
  CodecError,
  decodeAppendEntriesRequest,
  decodeAppendEntriesResponse,
  decodeCommandResult,
  decodeConfigurationRecord,
  decodeEntry,
  decodeKvCommand,
  decodeKvQuery,
  decodeKvQueryResult,
  decodeSessionRequest,
  decodeSessionResponse,
  decodeWriteCommand,
  encodeAppendEntriesRequest,
  encodeAppendEntriesResponse,
  encodeCommandResult,
  encodeConfigurationRecord,
  encodeEntry,
  encodeKvCommand,
  encodeKvQuery,
  encodeKvQueryResult,
  Slab,
  UnknownChangeError,
} from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import {
  client,
  common,
  type DescMessage,
  kvCommand,
  replication,
  session,
  toBinary,
} from "@d-engine/proto";
import type { Prng } from "../prng.js";
import { randomMessage } from "../random-message.js";
import { type FuzzTarget, keepsMeaning } from "../target.js";

interface CodecRow<T> {
  readonly name: string;
  /** The message of the proto files that it reads; samples come from the generated code. */
  readonly schema: DescMessage;
  readonly decode: (bytes: Uint8Array) => T;
  readonly encode?: (value: T) => Uint8Array;
}

/** What the codec says to bytes that are not what they should be. */
export function isCodecRefusal(error: unknown): boolean {
  return (
    error instanceof CodecError ||
    error instanceof UnknownChangeError ||
    (error instanceof EngineError && error.code === "VERSION_MISMATCH")
  );
}

const samplesWanted = 40;

function codecTarget<T>({ name, schema, decode, encode }: CodecRow<T>): FuzzTarget {
  const read = (bytes: Uint8Array): T => decode(bytes);
  return {
    name: `codec/${name}`,
    samples: (random) => understood(schema, random, read),
    run: (bytes) => {
      const decoded = read(bytes);
      if (encode !== undefined) keepsMeaning(decoded, encode, read);
    },
    isRefusal: isCodecRefusal,
  };
}

/** Random messages, as far as they mean anything: many would be refused for what they say. */
function understood(schema: DescMessage, random: Prng, read: (bytes: Uint8Array) => unknown) {
  const samples: Uint8Array[] = [];
  for (let tries = 0; tries < 4_000 && samples.length < samplesWanted; tries += 1) {
    const bytes = toBinary(schema, randomMessage(schema, random));
    try {
      read(bytes);
      samples.push(bytes);
    } catch (error) {
      if (!isCodecRefusal(error)) samples.push(bytes);
    }
  }
  return samples;
}

export const codecTargets: readonly FuzzTarget[] = [
  codecTarget({
    name: "entry",
    schema: common.EntrySchema,
    decode: decodeEntry,
    encode: encodeEntry,
  }),
  codecTarget({
    name: "append-request",
    schema: replication.AppendEntriesRequestSchema,
    decode: (bytes) => decodeAppendEntriesRequest(bytes, new Slab(64)),
    encode: encodeAppendEntriesRequest,
  }),
  codecTarget({
    name: "append-response",
    schema: replication.AppendEntriesResponseSchema,
    decode: decodeAppendEntriesResponse,
    encode: ({ nodeId, response }) => encodeAppendEntriesResponse(nodeId, response),
  }),
  codecTarget({
    name: "write-command",
    schema: client.WriteCommandSchema,
    decode: decodeWriteCommand,
  }),
  codecTarget({
    name: "kv-command",
    schema: kvCommand.CommandSchema,
    decode: (bytes) => decodeKvCommand(bytes),
    encode: encodeKvCommand,
  }),
  codecTarget({
    name: "query",
    schema: kvCommand.QuerySchema,
    decode: decodeKvQuery,
    encode: encodeKvQuery,
  }),
  codecTarget({
    name: "query-result",
    schema: kvCommand.QueryResultSchema,
    decode: decodeKvQueryResult,
    encode: encodeKvQueryResult,
  }),
  codecTarget({
    name: "command-result",
    schema: kvCommand.CommandResultSchema,
    decode: decodeCommandResult,
    encode: encodeCommandResult,
  }),
  codecTarget({
    name: "session-request",
    schema: session.SessionRequestSchema,
    decode: (bytes) => decodeSessionRequest(bytes, new Slab(64)),
  }),
  codecTarget({
    name: "session-response",
    schema: session.SessionResponseSchema,
    decode: (bytes) => decodeSessionResponse(bytes, new Slab(64)),
  }),
];

/** As snapshots name the members. */
export const configurationTarget: FuzzTarget = {
  name: "codec/configuration",
  samples: () => [
    encodeConfigurationRecord({
      logId: { term: 3, index: 9 },
      members: [
        { id: 1, address: "127.0.0.1:9081", status: "active" },
        { id: 2, address: "n2:9081", status: "promotable" },
      ],
    } as never),
  ],
  run: (bytes) => {
    keepsMeaning(
      decodeConfigurationRecord(bytes),
      encodeConfigurationRecord,
      decodeConfigurationRecord,
    );
  },
  isRefusal: isCodecRefusal,
};
