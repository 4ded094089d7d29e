import { joinWatchAnswers } from "@d-engine/codec";
import { create, fromBinary, kvService, toBinary } from "@d-engine/proto";
import { describe, expect, it } from "vitest";
import { decodeWatchOutputs, encodeWatchInput } from "./watch-wire.js";

const key = Uint8Array.of(1);
const value = Uint8Array.of(2, 3);
const pair = { key, value, createRevision: 1n, modRevision: 7n, version: 2n, lease: 9n };
const record = { key, value, createRevision: 1, modRevision: 7, version: 2, lease: 9 };

type Response = kvService.WatchStreamResponse["response"];

function answer(id: bigint, response: Response): Uint8Array {
  const schema = kvService.WatchStreamResponseSchema;
  return toBinary(schema, create(schema, { id, response }));
}

describe("the wire of watches", () => {
  it.each([
    { rangeEnd: undefined, name: "one key" },
    { rangeEnd: new Uint8Array(0), name: "all to the last" },
    { rangeEnd: Uint8Array.of(5), name: "a range" },
  ])("creates a watch of $name", ({ rangeEnd }) => {
    const given = { id: 4, key, rangeEnd, startRevision: 8, previous: true };
    const body = encodeWatchInput({ kind: "create", ...given, noPut: true, noDelete: false });
    const { request } = fromBinary(kvService.WatchStreamRequestSchema, body);
    expect(request).toMatchObject({
      case: "create",
      value: { id: 4n, key, startRevision: 8n, prevKv: true, noPut: true, progress: true },
    });
    if (request.case === "create") expect(request.value.rangeEnd).toEqual(rangeEnd);
  });

  it("cancels and asks for progress", () => {
    for (const kind of ["cancel", "progress"] as const) {
      const body = encodeWatchInput({ kind, id: 3 });
      const { request } = fromBinary(kvService.WatchStreamRequestSchema, body);
      expect(request).toEqual({ case: kind, value: 3n });
    }
  });

  it("reads events, with what was there before, in bytes of their own", () => {
    const events = [
      create(kvService.WatchEventSchema, { kv: pair, prevKv: pair }),
      create(kvService.WatchEventSchema, { deleted: true, kv: { key, modRevision: 8n } }),
    ];
    const message = create(kvService.WatchEventsSchema, { events, revision: 8n });
    const body = answer(5n, { case: "events", value: message });
    const [output, ...others] = decodeWatchOutputs(body);
    const bytes = body.length;
    body.fill(0);
    expect(others).toEqual([]);
    expect(output).toEqual({
      kind: "events",
      id: 5,
      revision: 8,
      bytes,
      events: [
        { kind: "put", revision: 7, record, previous: record },
        { kind: "delete", revision: 8, key, previous: undefined },
      ],
    });
  });

  it("reads what else there is to say of a watch", () => {
    const created = create(kvService.WatchCreatedSchema, { revision: 2n });
    const canceled = create(kvService.WatchCanceledSchema, { code: 10_007, message: "m" });
    const compacted = create(kvService.WatchCanceledSchema, { code: 10_007, compactRevision: 9n });
    expect([
      ...decodeWatchOutputs(answer(1n, { case: "created", value: created })),
      ...decodeWatchOutputs(answer(1n, { case: "progress", value: 6n })),
      ...decodeWatchOutputs(answer(1n, { case: "canceled", value: canceled })),
      ...decodeWatchOutputs(answer(1n, { case: "canceled", value: compacted })),
    ]).toEqual([
      { kind: "created", id: 1, revision: 2 },
      { kind: "progress", id: 1, revision: 6 },
      { kind: "canceled", id: 1, code: 10_007, message: "m" },
      { kind: "canceled", id: 1, code: 10_007, message: "", oldestRevision: 9 },
    ]);
  });

  it("reads all answers of one message, in order, each with its part of the bytes", () => {
    const one = answer(1n, { case: "progress", value: 6n });
    const events = create(kvService.WatchEventsSchema, { revision: 7n });
    const two = answer(2n, { case: "events", value: events });
    const body = joinWatchAnswers([one, two, one]);
    expect(decodeWatchOutputs(body)).toEqual([
      { kind: "progress", id: 1, revision: 6 },
      { kind: "events", id: 2, events: [], revision: 7, bytes: Math.ceil(body.length / 3) },
      { kind: "progress", id: 1, revision: 6 },
    ]);
  });

  it.each([
    { name: "bytes of something else", body: Uint8Array.of(0xff) },
    { name: "a message of a later version", body: answer(1n, { case: undefined }) },
    {
      name: "an event without a key",
      body: answer(1n, {
        case: "events",
        value: create(kvService.WatchEventsSchema, {
          events: [create(kvService.WatchEventSchema)],
        }),
      }),
    },
    { name: "a revision beyond 2^53", body: answer(1n, { case: "progress", value: 2n ** 60n }) },
  ])("refuses $name as INVALID_RESPONSE", ({ body }) => {
    expect(() => decodeWatchOutputs(body)).toThrow(
      expect.objectContaining({ code: "INVALID_RESPONSE" }),
    );
  });
});
