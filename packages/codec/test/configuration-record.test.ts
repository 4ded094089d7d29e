import {
  isEngineError,
  type LogId,
  type MembershipConfiguration,
  type NodeId,
} from "@d-engine/core";
import { create, fromBinary, systemSnapshot, toBinary } from "@d-engine/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodecError, decodeConfigurationRecord, encodeConfigurationRecord } from "../src/index.js";
import * as arbitrary from "./arbitraries.js";
import { statusNumbers } from "./generated.js";
import { damaged, wildBytes } from "./wild-bytes.js";

const ascending = { selector: (id: NodeId) => id, minLength: 1, maxLength: 9 };
const sortedIds = fc
  .uniqueArray(arbitrary.nodeId, ascending)
  .map((ids) => [...ids].sort((a, b) => a - b));
const memberFields = fc.record({
  address: arbitrary.text.map((text) => text.replace(/^\ufeff/, "")),
  status: fc.constantFrom("promotable" as const, "readOnly" as const, "active" as const),
});

const configurations: fc.Arbitrary<MembershipConfiguration> = fc.record({
  logId: fc.record({ term: arbitrary.uint64, index: arbitrary.uint64 }) as fc.Arbitrary<LogId>,
  members: sortedIds.chain((ids) =>
    fc.tuple(...ids.map((id) => memberFields.map((fields) => ({ id, ...fields })))),
  ),
  outgoingVoters: fc.option(sortedIds, { nil: undefined }),
});

function generated({ logId, members, outgoingVoters }: MembershipConfiguration): Uint8Array {
  const message = create(systemSnapshot.ConfigurationSchema, {
    logId: { term: BigInt(logId.term), index: BigInt(logId.index) },
    members: members.map(({ id, address, status }) => ({
      nodeId: id,
      address,
      status: statusNumbers[status],
    })),
    outgoingVoters: [...(outgoingVoters ?? [])],
  });
  return toBinary(systemSnapshot.ConfigurationSchema, message);
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

const one: MembershipConfiguration = {
  logId: { term: 1, index: 5 } as LogId,
  members: [
    { id: 1 as NodeId, address: "a:1", status: "active" },
    { id: 2 as NodeId, address: "b:2", status: "promotable" },
  ],
  outgoingVoters: undefined,
};

describe("the configuration's record of a snapshot", () => {
  it("has the bytes of the generated code, and is read back", () => {
    fc.assert(
      fc.property(configurations, (configuration) => {
        const bytes = encodeConfigurationRecord(configuration);
        expect(bytes).toEqual(generated(configuration));
        expect(decodeConfigurationRecord(bytes)).toEqual(configuration);
      }),
    );
  });

  it.each([
    { name: "no members", broken: { ...one, members: [] } },
    { name: "members out of order", broken: { ...one, members: [...one.members].reverse() } },
    { name: "a member twice", broken: { ...one, members: [one.members[0]!, one.members[0]!] } },
    { name: "a joint one without an old half", broken: { ...one, outgoingVoters: [] } },
    { name: "an old half out of order", broken: { ...one, outgoingVoters: [2, 1] as NodeId[] } },
    { name: "node 0", broken: { ...one, members: [{ ...one.members[0]!, id: 0 as NodeId }] } },
  ])("refuses $name, encoding and decoding", ({ name, broken }) => {
    expect(() => encodeConfigurationRecord(broken)).toThrow(CodecError);
    // On the wire no old half and an empty one are the same.
    if (name === "a joint one without an old half") return;
    expect(() => decodeConfigurationRecord(generated(broken))).toThrow(CodecError);
  });

  it("refuses a member whose status is missing", () => {
    expect(() => decodeConfigurationRecord(Uint8Array.of(0x12, 2, 0x08, 1))).toThrow(CodecError);
  });

  it.each([
    { name: "a field", bytes: [0x20, 1] },
    { name: "a member's field", bytes: [0x12, 6, 0x08, 1, 0x18, 3, 0x20, 1] },
    { name: "a status", bytes: [0x12, 4, 0x08, 1, 0x18, 9] },
  ])("refuses $name of a newer version with VERSION_MISMATCH (rule R12)", ({ bytes }) => {
    const error = thrownBy(() => decodeConfigurationRecord(Uint8Array.from(bytes)));
    expect(isEngineError(error, "VERSION_MISMATCH"), String(error)).toBe(true);
  });

  it("is a configuration or a refusal, whatever the bytes", () => {
    const inputs = fc.oneof(
      wildBytes(systemSnapshot.ConfigurationSchema),
      damaged(configurations.map(encodeConfigurationRecord)),
    );
    fc.assert(
      fc.property(inputs, (bytes) => {
        const error = thrownBy(() => {
          const configuration = decodeConfigurationRecord(bytes);
          const message = fromBinary(systemSnapshot.ConfigurationSchema, bytes);
          const ids = configuration.members.map(({ id }) => id);
          expect(ids).toEqual(message.members.map(({ nodeId }) => nodeId));
          expect(configuration.outgoingVoters ?? []).toEqual(message.outgoingVoters);
        });
        const isRefusal = error instanceof CodecError || isEngineError(error, "VERSION_MISMATCH");
        if (error !== undefined && !isRefusal) throw error;
      }),
      { numRuns: 3000 },
    );
  });
});
