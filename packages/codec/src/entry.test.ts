import type { Entry, MembershipChange } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { decodeAppendEntriesRequest } from "./append-entries-request.js";
import { CodecError, UnknownChangeError } from "./codec-error.js";
import { decodeEntry } from "./entry-decoder.js";
import { encodeEntry } from "./entry-encoder.js";
import { Slab } from "./slab.js";

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function configEntry(change: MembershipChange): Entry {
  return { index: 1, term: 1, payload: { kind: "config", change } } as Entry;
}

function addNode(nodeId: number, address = "", status = "promotable"): Entry {
  return configEntry({ kind: "addNode", nodeId, address, status } as MembershipChange);
}

describe("encodeEntry", () => {
  it.each([
    { name: "index 2^53", entry: { index: 2 ** 53, term: 1 }, field: "Entry.index" },
    { name: "term -1", entry: { index: 1, term: -1 }, field: "Entry.term" },
    { name: "term 0.5", entry: { index: 1, term: 0.5 }, field: "Entry.term" },
    { name: "term NaN", entry: { index: 1, term: Number.NaN }, field: "Entry.term" },
  ])("refuses $name, by the name of the field", ({ entry, field }) => {
    const whole = { ...entry, payload: { kind: "noop" } } as Entry;
    expect(() => encodeEntry(whole)).toThrow(
      expect.objectContaining({ name: "CodecError", field }),
    );
  });

  it.each([
    { name: "node id 0", entry: addNode(0) },
    { name: "node id 2^32", entry: addNode(2 ** 32) },
    { name: "node id 1.5", entry: addNode(1.5) },
    { name: "a lone surrogate", entry: addNode(1, "\ud800") },
    { name: "an unknown status", entry: addNode(1, "", "observer") },
  ])("refuses a change with $name", ({ entry }) => {
    expect(() => encodeEntry(entry)).toThrow(CodecError);
  });

  it("writes the leave of a joint configuration as a change of zero bytes (rule R12)", () => {
    const leave = configEntry({ kind: "leaveJoint" });
    expect(hexOf(encodeEntry(leave))).toBe("0801" + "1001" + "1a02" + "1a00");
  });
});

describe("decodeEntry", () => {
  it.each([
    {
      name: "index past 2^53 - 1",
      hex: "08 8080808080808010 1a02 0a00",
      at: "Entry.index at byte",
    },
    { name: "2^64 - 1 as term", hex: "10 ffffffffffffffffff01", at: "Entry.term at byte" },
    { name: "a varint of 11 bytes", hex: "08 8080808080808080808001", at: "Entry.index at byte" },
    { name: "a varint without end", hex: "0880", at: "ends within a varint" },
    { name: "a payload longer than the bytes", hex: "1a05 0a00", at: "5 bytes announced, 2 left" },
    {
      name: "a command longer than its payload",
      hex: "1a03 1202 61 6262",
      at: "2 bytes announced",
    },
    { name: "field number 0", hex: "0001", at: "field number 0" },
    { name: "wire type 6", hex: "0e", at: "wire type 6" },
    { name: "a known field under a foreign wire type", hex: "0d 00000000", at: "wire type 5" },
    { name: "an end of group without start", hex: "7c", at: "end of group 15" },
    { name: "a group that ends as another", hex: "7b 84 01", at: "group 15 ended as group 16" },
    { name: "a tag past 32 bits", hex: "f8ffffff1f 00", at: "tag exceeds 32 bits" },
    { name: "a tag of six bytes", hex: "888080808000 01", at: "tag exceeds 32 bits" },
    { name: "no payload", hex: "08011001", at: "no payload" },
    { name: "a payload with nothing in it", hex: "1a00", at: "no payload" },
    { name: "an address that is not UTF-8", hex: "1a091a07 0a05 0801 1201 ff", at: "not UTF-8" },
    { name: "node id 0", hex: "1a041a02 1200", at: "node id 0" },
    { name: "node id 0 in a list", hex: "1a061a04 2a02 0800", at: "node id 0" },
  ])("refuses $name", ({ hex, at }) => {
    expect(() => decodeEntry(bytesOf(hex))).toThrow(CodecError);
    expect(() => decodeEntry(bytesOf(hex))).toThrow(at);
  });

  it("accepts varints with more zeros than needed, in tags, lengths and values", () => {
    const entry = decodeEntry(bytesOf("8880808000 85808080808080808000 9a00 8400 8a00 8000"));
    expect(entry).toEqual({ index: 5, term: 0, payload: { kind: "noop" } });
  });

  it("accepts the greatest index and term", () => {
    const max = Number.MAX_SAFE_INTEGER;
    const entry = { index: max, term: max, payload: { kind: "noop" } } as Entry;
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  });

  it("shows the command as a view of the input, or as a copy in a slab", () => {
    const payload = { kind: "command", command: Uint8Array.of(1, 2, 3) };
    const bytes = encodeEntry({ index: 1, term: 1, payload } as Entry);
    const view = decodeEntry(bytes).payload;
    const copy = decodeEntry(bytes, new Slab()).payload;
    bytes.fill(9);
    expect(view).toEqual({ kind: "command", command: Uint8Array.of(9, 9, 9) });
    expect(copy).toEqual(payload);
  });
});

describe("a membership change with unknown parts stops the node (rule R12)", () => {
  it.each([
    { name: "an unknown kind of change", hex: "1a051a03 3201 00", field: "MembershipChange" },
    { name: "an unknown field beside none", hex: "1a041a02 7801", field: "MembershipChange" },
    {
      name: "an unknown field beside a known change",
      hex: "1a081a06 1202 0801 7801",
      field: "Memb",
    },
    { name: "an unknown field in the member", hex: "1a081a06 1204 0801 7801", field: "RemoveNode" },
    { name: "an unknown status", hex: "1a081a06 1a04 0801 1004", field: "PromoteLearner" },
    { name: "an unknown group", hex: "1a041a02 7b7c", field: "MembershipChange" },
  ])("$name", ({ hex, field }) => {
    expect(() => decodeEntry(bytesOf(hex))).toThrow(UnknownChangeError);
    expect(() => decodeEntry(bytesOf(hex))).toThrow(field);
  });

  it("has an error that nothing which drops bad messages catches", () => {
    expect(new UnknownChangeError("MembershipChange", 6)).not.toBeInstanceOf(CodecError);
  });

  it.each([
    {
      name: "by another member",
      hex: "1a0b1a09 0a03 c80101 1202 0801",
    },
    { name: "by a command", hex: "1a081a02 7801 1202 6161" },
  ])("unless it was replaced $name in the same entry", ({ hex }) => {
    expect(() => decodeEntry(bytesOf(hex))).not.toThrow();
  });

  it("only in an intact message: damage behind it makes the message a bad one", () => {
    const unknown = "1a051a03 320100";
    const request = `1001 2a07 ${unknown}`;
    expect(() => decodeAppendEntriesRequest(bytesOf(request))).toThrow(UnknownChangeError);
    expect(() => decodeAppendEntriesRequest(bytesOf(`${request} 3080`))).toThrow(CodecError);
  });

  it.each(["1a021a00", "1a041a001a00", "1a021a00 1a021a00"])(
    "but zero bytes leave the joint configuration: %s",
    (hex) => {
      const { payload } = decodeEntry(bytesOf(hex));
      expect(payload).toEqual({ kind: "config", change: { kind: "leaveJoint" } });
    },
  );
});
