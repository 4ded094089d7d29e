import type { InstallSnapshot, LogIndex, NodeId, Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { isWellFormed } from "./chunk-window.js";

const chunk = (sequence: number, bytes: number) => ({
  sequence,
  crc32: 0,
  data: new Uint8Array(bytes),
});

/** 250 bytes in chunks of 100. */
const whole: InstallSnapshot = {
  kind: "installSnapshot",
  term: 1 as Term,
  leaderId: 1 as NodeId,
  label: {
    lastIncluded: { term: 1 as Term, index: 5 as LogIndex },
    checksum: new Uint8Array(32),
    bytes: 250,
  },
  totalChunks: 3,
  chunkBytes: 100,
  chunks: [chunk(1, 100), chunk(2, 50)],
};

describe("isWellFormed", () => {
  it("takes windows, and questions", () => {
    expect(isWellFormed(whole)).toBe(true);
    expect(isWellFormed({ ...whole, chunks: [] })).toBe(true);
  });

  it.each<{ name: string; change: Partial<InstallSnapshot> }>([
    { name: "another number of chunks", change: { totalChunks: 4 } },
    { name: "chunks of no size", change: { chunkBytes: 0 } },
    { name: "chunks of half a byte more", change: { chunkBytes: 100.5 } },
    { name: "a short chunk in the middle", change: { chunks: [chunk(1, 99), chunk(2, 50)] } },
    { name: "a long last chunk", change: { chunks: [chunk(2, 51)] } },
    { name: "a chunk behind the last", change: { chunks: [chunk(3, 100)] } },
    { name: "a chunk before the first", change: { chunks: [chunk(-1, 100)] } },
    { name: "a gap", change: { chunks: [chunk(0, 100), chunk(2, 50)] } },
    { name: "an empty file", change: { label: { ...whole.label, bytes: 0 }, totalChunks: 0 } },
    {
      name: "a short checksum",
      change: { label: { ...whole.label, checksum: new Uint8Array(4) } },
    },
  ])("refuses $name", ({ change }) => {
    expect(isWellFormed({ ...whole, ...change })).toBe(false);
  });
});
