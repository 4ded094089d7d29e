import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Slab } from "./slab.js";

describe("Slab", () => {
  it("hands out zeroed pieces that never overlap", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 100 }), { maxLength: 60 }), (sizes) => {
        const slab = new Slab(256);
        const pieces = sizes.map((size, i) => {
          const piece = slab.take(size);
          expect(piece).toEqual(new Uint8Array(size));
          return piece.fill(i + 1);
        });
        pieces.forEach((piece, i) => {
          expect(piece).toEqual(new Uint8Array(sizes[i]!).fill(i + 1));
        });
      }),
    );
  });

  it("cuts small pieces from one chunk until it is full, then begins another", () => {
    const slab = new Slab(1024);
    const pieces = Array.from({ length: 9 }, () => slab.take(120));
    const chunks = new Set(pieces.map((piece) => piece.buffer));
    expect(pieces.slice(0, 8).every((piece) => piece.buffer === pieces[0]!.buffer)).toBe(true);
    expect(chunks.size).toBe(2);
  });

  it("gives a quarter of a chunk and more an array of its own, and goes on with the chunk", () => {
    const slab = new Slab(1024);
    const first = slab.take(10);
    const large = slab.take(256);
    const second = slab.take(10);
    expect(large.buffer.byteLength).toBe(256);
    expect(second.buffer).toBe(first.buffer);
  });

  it("never holds more than one chunk for a small value, whatever it was cut from", () => {
    const received = new Uint8Array(1 << 20).fill(7);
    const kept = new Slab().copy(received.subarray(1000, 1256));
    expect(kept.buffer.byteLength).toBe(8192);
    received.fill(0);
    expect(kept).toEqual(new Uint8Array(256).fill(7));
  });
});
