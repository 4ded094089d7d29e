import { create, fromBinary, kvCommand, kvService, toBinary } from "@d-engine/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeWatchAnswer,
  encodeWatchEvents,
  joinWatchAnswers,
  type KvPair,
  type WatchedChange,
} from "../src/index.js";

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const bytes = fc.uint8Array({ maxLength: 200 });
const pair = fc.record({
  key: bytes,
  value: bytes,
  createRevision: number,
  modRevision: number,
  version: number,
  lease: number,
});
const changes = fc.array(
  fc.record({
    deleted: fc.boolean(),
    pair,
    previous: fc.option(pair, { nil: undefined }),
  }),
  { maxLength: 4 },
);

function generatedPair({ key, value, ...numbers }: KvPair): kvCommand.KeyValue {
  const { createRevision, modRevision, version, lease } = numbers;
  return create(kvCommand.KeyValueSchema, {
    key,
    value,
    createRevision: BigInt(createRevision),
    modRevision: BigInt(modRevision),
    version: BigInt(version),
    lease: BigInt(lease),
  });
}

function generated(id: number, list: readonly WatchedChange[], revision: number) {
  const events = list.map(({ deleted, pair: kv, previous }) =>
    create(kvService.WatchEventSchema, {
      deleted,
      kv: generatedPair(kv),
      ...(previous === undefined ? {} : { prevKv: generatedPair(previous) }),
    }),
  );
  const value = create(kvService.WatchEventsSchema, { events, revision: BigInt(revision) });
  return create(kvService.WatchStreamResponseSchema, {
    id: BigInt(id),
    response: { case: "events", value },
  });
}

describe("the answers of a stream of watches", () => {
  it("are, byte for byte, what the generated code makes of them", () => {
    fc.assert(
      fc.property(number, changes, number, (id, list, revision) => {
        const answer = encodeWatchAnswer(id, encodeWatchEvents(list, revision));
        const expected = generated(id, list, revision);
        expect(answer).toEqual(toBinary(kvService.WatchStreamResponseSchema, expected));
      }),
    );
  });

  it("are joined to one, in which the others follow the first", () => {
    const one = fc.tuple(number, changes, number);
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 4 }), (list) => {
        const answers = list.map(([id, events, revision]) => generated(id, events, revision));
        const schema = kvService.WatchStreamResponseSchema;
        const joined = joinWatchAnswers(answers.map((answer) => toBinary(schema, answer)));
        const { more, ...first } = fromBinary(schema, joined);
        expect([{ ...first, more: [] }, ...more]).toEqual(answers);
      }),
    );
  });
});
