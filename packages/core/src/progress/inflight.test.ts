import { describe, expect, it } from "vitest";
import { at } from "../../test/support/messages.js";
import { InflightWindow } from "./inflight.js";

describe("InflightWindow", () => {
  it("is full at its bound in messages", () => {
    const window = new InflightWindow(2, 1000);
    window.add(at(1), 10);
    expect(window.full).toBe(false);
    window.add(at(2), 10);
    expect(window).toMatchObject({ full: true, count: 2, bytes: 20 });
  });

  it("is full at its bound in bytes, which one request may overshoot", () => {
    const window = new InflightWindow(10, 100);
    window.add(at(1), 99);
    expect(window.full).toBe(false);
    window.add(at(2), 500);
    expect(window).toMatchObject({ full: true, bytes: 599 });
  });

  it.each([
    { match: 2, count: 3, bytes: 60 },
    { match: 3, count: 2, bytes: 50 },
    { match: 7, count: 1, bytes: 30 },
    { match: 9, count: 0, bytes: 0 },
  ])("frees what ends at or below $match", ({ match, count, bytes }) => {
    const window = new InflightWindow(10, 1000);
    window.add(at(3), 10);
    window.add(at(6), 20);
    window.add(at(9), 30);
    window.freeTo(at(match));
    expect(window).toMatchObject({ count, bytes });
  });

  it("is empty after a fall back to probing", () => {
    const window = new InflightWindow(1, 10);
    window.add(at(1), 10);
    window.clear();
    expect(window).toMatchObject({ full: false, count: 0, bytes: 0 });
  });
});
