import { EngineError } from "@d-engine/core";
import { client, common, fromBinary, replication } from "@d-engine/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  appendStamp,
  type DecodedWriteCommand,
  decodeAppendEntriesRequest,
  decodeAppendEntriesResponse,
  decodeEntry,
  decodePayload,
  decodeWriteCommand,
  encodeAppendEntriesRequest,
  encodeAppendEntriesResponse,
  encodeEntry,
  encodePayload,
  encodeWriteCommand,
  entrySize,
  Slab,
  stampOf,
  Writer,
  writeEntry,
} from "../src/index.js";
import * as arbitrary from "./arbitraries.js";
import {
  ExpectedRefusal,
  expectedAppendEntriesRequest,
  expectedAppendEntriesResponse,
  expectedEntry,
  expectedPayload,
  expectedWriteCommand,
} from "./expected.js";
import * as generated from "./generated.js";
import { isWellFormed } from "./well-formed.js";
import { damaged, wildBytes } from "./wild-bytes.js";
import { writeCommand } from "./write-command-arbitrary.js";

describe("encoders write the bytes of the generated code, and decoders read them back", () => {
  it("Entry", () => {
    fc.assert(
      fc.property(arbitrary.entry, (entry) => {
        const bytes = encodeEntry(entry);
        expect(bytes).toEqual(generated.generatedEntry(entry));
        expect(entrySize(entry)).toBe(bytes.length);
        expect(decodeEntry(bytes)).toEqual(entry);
        expect(decodeEntry(bytes, new Slab())).toEqual(entry);
      }),
    );
  });

  it("Entry, one after another into a writer that grows", () => {
    fc.assert(
      fc.property(fc.array(arbitrary.entry, { maxLength: 5 }), (entries) => {
        const writer = new Writer(new Uint8Array(1));
        for (const entry of entries) writeEntry(writer, entry);
        const expected = entries.flatMap((entry) => [...generated.generatedEntry(entry)]);
        expect(writer.finish()).toEqual(Uint8Array.from(expected));
      }),
    );
  });

  it("EntryPayload", () => {
    fc.assert(
      fc.property(arbitrary.payload, (payload) => {
        const bytes = encodePayload(payload);
        expect(bytes).toEqual(generated.generatedPayload(payload));
        expect(decodePayload(bytes)).toEqual(payload);
      }),
    );
  });

  it("AppendEntriesRequest", () => {
    fc.assert(
      fc.property(arbitrary.appendEntries, (request) => {
        const bytes = encodeAppendEntriesRequest(request);
        expect(bytes).toEqual(generated.generatedAppendEntriesRequest(request));
        expect(decodeAppendEntriesRequest(bytes)).toEqual(request);
      }),
    );
  });

  it("AppendEntriesResponse", () => {
    fc.assert(
      fc.property(arbitrary.nodeId, arbitrary.appendEntriesResponse, (nodeId, response) => {
        const bytes = encodeAppendEntriesResponse(nodeId, response);
        expect(bytes).toEqual(generated.generatedAppendEntriesResponse(nodeId, response));
        expect(decodeAppendEntriesResponse(bytes)).toEqual({ nodeId, response });
      }),
    );
  });

  it("WriteCommand", () => {
    const slab = new Slab();
    fc.assert(
      fc.property(writeCommand, (command) => {
        const bytes = encodeWriteCommand(slab, command);
        expect(bytes).toEqual(generated.generatedWriteCommand(command));
        expect(decodeWriteCommand(bytes)).toEqual(command);
      }),
    );
  });

  it("WriteCommand with a stamp behind it", () => {
    const slab = new Slab();
    fc.assert(
      fc.property(writeCommand, arbitrary.uint64, (command, stampMs) => {
        const plain = encodeWriteCommand(slab, command);
        const stamped = appendStamp(slab, plain, stampMs);
        expect(encodeWriteCommand(slab, { ...command, stampMs })).toEqual(stamped);
        expect(stamped.subarray(0, plain.length)).toEqual(plain);
        expect(fromBinary(client.WriteCommandSchema, stamped)).toEqual({
          ...fromBinary(client.WriteCommandSchema, plain),
          stampMs: BigInt(stampMs),
        });
        expect(decodeWriteCommand(stamped)).toEqual({ ...command, stampMs });
        expect(stampOf(stamped)).toBe(stampMs);
        expect(stampOf(plain)).toBeUndefined();
      }),
    );
  });
});

interface Decoder {
  readonly name: string;
  readonly schema: Parameters<typeof wildBytes>[0];
  readonly encoded: fc.Arbitrary<Uint8Array>;
  readonly decode: (bytes: Uint8Array) => unknown;
  /** What the rules make of the generated code's reading; throws what that throws. */
  readonly expected: (bytes: Uint8Array) => unknown;
}

const decoders: readonly Decoder[] = [
  {
    name: "Entry",
    schema: common.EntrySchema,
    encoded: arbitrary.entry.map(encodeEntry),
    decode: (bytes) => decodeEntry(bytes),
    expected: (bytes) => expectedEntry(fromBinary(common.EntrySchema, bytes)),
  },
  {
    name: "EntryPayload",
    schema: common.EntryPayloadSchema,
    encoded: arbitrary.payload.map(encodePayload),
    decode: (bytes) => decodePayload(bytes),
    expected: (bytes) => expectedPayload(fromBinary(common.EntryPayloadSchema, bytes)),
  },
  {
    name: "AppendEntriesRequest",
    schema: replication.AppendEntriesRequestSchema,
    encoded: arbitrary.appendEntries.map(encodeAppendEntriesRequest),
    decode: (bytes) => decodeAppendEntriesRequest(bytes),
    expected: (bytes) =>
      expectedAppendEntriesRequest(fromBinary(replication.AppendEntriesRequestSchema, bytes)),
  },
  {
    name: "AppendEntriesResponse",
    schema: replication.AppendEntriesResponseSchema,
    encoded: fc
      .tuple(arbitrary.nodeId, arbitrary.appendEntriesResponse)
      .map(([nodeId, response]) => encodeAppendEntriesResponse(nodeId, response)),
    decode: decodeAppendEntriesResponse,
    expected: (bytes) =>
      expectedAppendEntriesResponse(fromBinary(replication.AppendEntriesResponseSchema, bytes)),
  },
  {
    name: "WriteCommand",
    schema: client.WriteCommandSchema,
    encoded: writeCommand.map((command) => encodeWriteCommand(new Slab(), command)),
    decode: (bytes) => withoutStampOfZero(decodeWriteCommand(bytes)),
    expected: (bytes) => expectedWriteCommand(fromBinary(client.WriteCommandSchema, bytes)),
  },
];

/** The generated code cannot tell a stamp of 0 from none. */
function withoutStampOfZero(command: DecodedWriteCommand): unknown {
  if (!("stampMs" in command) || command.stampMs !== 0) return command;
  const { stampMs: _, ...rest } = command;
  return rest;
}

type Outcome = { readonly value: unknown } | { readonly refusal: string };

function outcomeOf(decode: () => unknown): Outcome {
  try {
    return { value: withoutByteOrderMark(decode()) };
  } catch (error) {
    // An unknown part of a kv command: bytes may be malformed as well, and either may be told first.
    if (error instanceof EngineError) return { refusal: "CodecError" };
    if (error instanceof ExpectedRefusal) return { refusal: error.refusal };
    return { refusal: (error as Error).name };
  }
}

/** The generated code drops a leading U+FEFF from an address; the decoders keep what was sent. */
function withoutByteOrderMark(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/^\ufeff/, "");
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withoutByteOrderMark);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withoutByteOrderMark(inner)]),
  );
}

function expectedOutcome(decoder: Decoder, bytes: Uint8Array): Outcome {
  const outcome = outcomeOf(() => decoder.expected(bytes));
  const isReadable = "value" in outcome || outcome.refusal === "UnknownChangeError";
  if (isReadable && isWellFormed(decoder.schema, bytes)) return outcome;
  return { refusal: "CodecError" };
}

describe("decoders agree with the generated code on bytes that no encoder made", () => {
  it.each(decoders)("$name", (decoder) => {
    let accepted = 0;
    const runs = 1500;
    const inputs = fc.oneof(wildBytes(decoder.schema), damaged(decoder.encoded));
    fc.assert(
      fc.property(inputs, (bytes) => {
        const outcome = outcomeOf(() => decoder.decode(bytes));
        if ("value" in outcome) accepted++;
        expect(outcome).toEqual(expectedOutcome(decoder, bytes));
      }),
      { numRuns: runs },
    );
    // A comparison of refusals alone would prove little.
    expect(accepted).toBeGreaterThan(runs / 50);
  });

  it.each(decoders)("$name at every length that it can be cut to", (decoder) => {
    fc.assert(
      fc.property(decoder.encoded, (bytes) => {
        for (let length = 0; length < bytes.length; length++) {
          const cut = bytes.slice(0, length);
          const outcome = outcomeOf(() => decoder.decode(cut));
          expect(outcome).toEqual(expectedOutcome(decoder, cut));
        }
      }),
      { numRuns: 20 },
    );
  });

  it.each(decoders)("$name never reads past the view it is given", (decoder) => {
    fc.assert(
      fc.property(damaged(decoder.encoded), (bytes) => {
        const padded = new Uint8Array(bytes.length + 40).fill(1);
        padded.set(bytes, 20);
        const view = padded.subarray(20, 20 + bytes.length);
        const alone = outcomeOf(() => decoder.decode(bytes));
        expect(outcomeOf(() => decoder.decode(view))).toEqual(alone);
      }),
    );
  });
});
