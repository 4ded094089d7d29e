import type { AppendEntries, AppendEntriesResponse, NodeId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import {
  decodeAppendEntriesRequest,
  encodeAppendEntriesRequest,
} from "./append-entries-request.js";
import {
  decodeAppendEntriesResponse,
  encodeAppendEntriesResponse,
} from "./append-entries-response.js";
import { CodecError } from "./codec-error.js";

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

const heartbeat = {
  kind: "appendEntries",
  term: 3,
  leaderId: 1,
  prev: { term: 2, index: 5 },
  entries: [],
  leaderCommit: 5,
  round: 9,
} as unknown as AppendEntries;

const accepted = {
  kind: "appendEntriesResponse",
  term: 3,
  round: 9,
  minElectionTimeoutMs: 1000,
  result: { kind: "success", lastMatch: { term: 2, index: 5 } },
} as unknown as AppendEntriesResponse;

describe("AppendEntriesRequest", () => {
  it.each([
    { field: "term", request: { ...heartbeat, term: 2 ** 53 } },
    { field: "leader_id", request: { ...heartbeat, leaderId: 0 } },
    { field: "prev_log_index", request: { ...heartbeat, prev: { term: 0, index: -1 } } },
    { field: "prev_log_term", request: { ...heartbeat, prev: { term: 2 ** 60, index: 0 } } },
    { field: "leader_commit_index", request: { ...heartbeat, leaderCommit: Number.NaN } },
    { field: "round", request: { ...heartbeat, round: 1.5 } },
  ])("refuses to send $field out of range", ({ field, request }) => {
    const encode = () => encodeAppendEntriesRequest(request as unknown as AppendEntries);
    expect(encode).toThrow(CodecError);
    expect(encode).toThrow(`AppendEntriesRequest.${field}: `);
  });

  it.each([
    { name: "leader id 0", hex: "0803" },
    { name: "a term past 2^53 - 1", hex: "1001 08 8080808080808010" },
    { name: "a round past 2^53 - 1", hex: "1001 a006 8080808080808010" },
    { name: "an entry without payload", hex: "1001 2a02 0801" },
    { name: "an entry that runs into the next field", hex: "1001 2a02 0880 3001" },
  ])("refuses to take $name", ({ hex }) => {
    expect(() => decodeAppendEntriesRequest(bytesOf(hex))).toThrow(CodecError);
  });

  it("takes 32 bits of a leader id, as the wire format has it", () => {
    expect(decodeAppendEntriesRequest(bytesOf("10 8180808010")).leaderId).toBe(1);
  });
});

describe("AppendEntriesResponse", () => {
  it("tells a round that was not echoed from round 0 (rule R4)", () => {
    for (const round of [undefined, 0]) {
      const bytes = encodeAppendEntriesResponse(2 as NodeId, { ...accepted, round });
      expect(decodeAppendEntriesResponse(bytes).response.round).toBe(round);
    }
  });

  it("fits every field at its longest", () => {
    const max = Number.MAX_SAFE_INTEGER;
    const response = {
      ...accepted,
      term: max,
      round: max,
      minElectionTimeoutMs: max,
      result: { kind: "success", lastMatch: { term: max, index: max } },
    } as unknown as AppendEntriesResponse;
    const bytes = encodeAppendEntriesResponse(0xffff_ffff as NodeId, response);
    expect(decodeAppendEntriesResponse(bytes)).toEqual({ nodeId: 0xffff_ffff, response });
  });

  it("takes a match that is left out as the origin, which claims nothing", () => {
    const { response } = decodeAppendEntriesResponse(bytesOf("0802 1a00"));
    expect(response.result).toEqual({ kind: "success", lastMatch: { term: 0, index: 0 } });
  });

  it.each([
    { name: "merges", hex: "1a04 0a020803 1a04 0a021005", lastMatch: { term: 3, index: 5 } },
    {
      name: "begins anew after another result, with",
      hex: "1a04 0a020803 2803 1a04 0a021005",
      lastMatch: { term: 0, index: 5 },
    },
  ])("$name a match that occurs twice", ({ hex, lastMatch }) => {
    const { response } = decodeAppendEntriesResponse(bytesOf(`0802 ${hex}`));
    expect(response.result).toEqual({ kind: "success", lastMatch });
  });

  it("begins a conflict anew after another result", () => {
    const { response } = decodeAppendEntriesResponse(bytesOf("0802 2204 08011002 2803 2202 1007"));
    expect(response.result).toEqual({ kind: "conflict", term: undefined, index: 7 });
  });

  it.each([
    { name: "node id 0", hex: "1003 2803" },
    { name: "no result", hex: "0802 1003" },
    { name: "a conflict without index", hex: "0802 2202 0801" },
    { name: "a match past 2^53 - 1", hex: "0802 1a0b 0a09 10 8080808080808010" },
    { name: "a higher term past 2^53 - 1", hex: "0802 28 8080808080808010" },
  ])("refuses to take $name", ({ hex }) => {
    expect(() => decodeAppendEntriesResponse(bytesOf(hex))).toThrow(CodecError);
  });

  it.each([
    { field: "node_id", nodeId: 0, response: accepted },
    { field: "round", nodeId: 1, response: { ...accepted, round: -1 } },
    {
      field: "min_election_timeout_ms",
      nodeId: 1,
      response: { ...accepted, minElectionTimeoutMs: 0.1 },
    },
  ])("refuses to send $field out of range", ({ field, nodeId, response }) => {
    const encode = () => encodeAppendEntriesResponse(nodeId as NodeId, response);
    expect(encode).toThrow(CodecError);
    expect(encode).toThrow(`AppendEntriesResponse.${field}: `);
  });
});
