import { ENGINE_ERRORS, type EngineErrorCode, nodeId } from "@d-engine/core";
import { error as wire } from "@d-engine/proto";
import { describe, expect, it } from "vitest";
import {
  engineCodeOfNumber,
  formatLeaderTrailer,
  leaderOfMetadata,
  parseLeaderTrailer,
  WIRE_ERRORS,
} from "./wire-errors.js";

describe("WIRE_ERRORS", () => {
  it.each(Object.entries(WIRE_ERRORS))(
    "sends %s only as a number of the contract (R20)",
    (_, form) => {
      if (form.number === undefined) return;
      expect(form.number).toBeGreaterThan(0);
      expect(form.number).toBeLessThan(10_000);
      expect(wire.ErrorCode[form.number]).toBeDefined();
    },
  );

  it.each(Object.keys(ENGINE_ERRORS) as EngineErrorCode[])(
    "never turns %s into a code that promises more about the outcome",
    (code) => {
      const { number } = WIRE_ERRORS[code];
      const read = number === undefined ? undefined : engineCodeOfNumber(number);
      if (read === undefined || ENGINE_ERRORS[code].outcome === "rejected") return;
      expect(ENGINE_ERRORS[read].outcome).toBe("unknown");
    },
  );

  it("reads every number back as the code it was sent for, closing nodes excepted", () => {
    for (const [code, { number }] of Object.entries(WIRE_ERRORS)) {
      if (number === undefined || code === "DATA_DIR_LOCKED") continue;
      expect(engineCodeOfNumber(number)).toBe(code === "CLOSED" ? "CLUSTER_UNAVAILABLE" : code);
    }
  });

  it.each([0, 3005, 4002, 8888, 9999, 10_001, Number.NaN])(
    "knows nothing of number %s",
    (number) => {
      expect(engineCodeOfNumber(number)).toBeUndefined();
    },
  );
});

describe("the leader trailer", () => {
  it("has the form that existing clients read, and comes back", () => {
    const leader = { leaderId: nodeId(7), address: "127.0.0.1:9081" };
    expect(formatLeaderTrailer(leader)).toBe('{"leader_id":7,"address":"127.0.0.1:9081"}');
    expect(parseLeaderTrailer(formatLeaderTrailer(leader))).toEqual(leader);
  });

  it.each([
    "",
    "null",
    "7",
    "[]",
    "{}",
    '{"leader_id":0,"address":"h:1"}',
    '{"leader_id":"1","address":"h:1"}',
    '{"leader_id":1}',
    "{leader_id:1",
  ])("ignores %s", (text) => {
    expect(parseLeaderTrailer(text)).toBeUndefined();
  });
});

describe("leaderOfMetadata", () => {
  it.each([
    {
      name: "id and address",
      metadata: { leaderId: "3", leaderAddress: "h:1" },
      leader: { leaderId: 3, address: "h:1" },
    },
    { name: "an id alone", metadata: { leaderId: "3" }, leader: { leaderId: 3, address: "" } },
    { name: "nothing", metadata: {}, leader: undefined },
    {
      name: "an id that is none",
      metadata: { leaderId: "x", leaderAddress: "h:1" },
      leader: undefined,
    },
    { name: "id 0", metadata: { leaderId: "0", leaderAddress: "h:1" }, leader: undefined },
  ])("reads $name", ({ metadata, leader }) => {
    expect(leaderOfMetadata(metadata as wire.ErrorMetadata)).toEqual(leader);
  });
});
