import { describe, expect, it } from "vitest";
import { id } from "../../test/support/messages.js";
import { quorumsMeet } from "./quorums-meet.js";

const setsOf = (incoming: number[], outgoing: number[] = []) => {
  return { incoming: incoming.map(id), outgoing: outgoing.map(id) };
};

describe("quorumsMeet", () => {
  it.each([
    { name: "the same voters", a: [1, 2, 3], b: [1, 2, 3], meet: true },
    { name: "one voter more", a: [1, 2, 3], b: [1, 2, 3, 4], meet: true },
    { name: "one voter replaced", a: [1, 2, 3], b: [1, 2, 4], meet: false },
    { name: "two voters more", a: [1, 2, 3], b: [1, 2, 3, 4, 5], meet: false },
    { name: "one voter less", a: [1, 2, 3], b: [1, 2], meet: true },
    { name: "one less, another one less", a: [2, 3, 4], b: [1, 2, 3], meet: false },
    { name: "one more, another one less", a: [1, 2, 3, 4, 5], b: [3, 4], meet: false },
    { name: "strangers", a: [1], b: [2], meet: false },
  ])("$name", ({ a, b, meet }) => {
    expect(quorumsMeet(setsOf(a), setsOf(b))).toBe(meet);
    expect(quorumsMeet(setsOf(b), setsOf(a))).toBe(meet);
  });

  it("a joint configuration meets both of its halves (§6)", () => {
    const joint = setsOf([1, 2, 3], [3, 4, 5]);
    expect(quorumsMeet(joint, setsOf([1, 2, 3]))).toBe(true);
    expect(quorumsMeet(joint, setsOf([3, 4, 5]))).toBe(true);
    expect(quorumsMeet(joint, setsOf([1, 4]))).toBe(false);
  });
});
