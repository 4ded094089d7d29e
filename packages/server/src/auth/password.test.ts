import { describe, expect, it } from "vitest";
import { Attempts } from "./attempts.js";
import { hashPassword, PASSWORD_BYTES_MAX, passwordMatches } from "./password.js";

describe("what is kept of a password", () => {
  it("tells it from every other, and is another each time", async () => {
    const [first, second] = await Promise.all([hashPassword("paß"), hashPassword("paß")]);
    expect(first).not.toEqual(second);
    expect(await passwordMatches("paß", first)).toBe(true);
    expect(await passwordMatches("pas", first)).toBe(false);
    expect(Buffer.from(first).includes("paß")).toBe(false);
  });

  it.each([
    { name: "nothing", password: "" },
    { name: "more than is hashed", password: "a".repeat(PASSWORD_BYTES_MAX + 1) },
  ])("is refused of $name", async ({ password }) => {
    await expect(hashPassword(password)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  it.each([
    { name: "nothing", stored: new Uint8Array(0) },
    { name: "another version", stored: Uint8Array.of(2, 14, 8, 1, ...new Uint8Array(48)) },
    {
      name: "a cost that would take for ever",
      stored: Uint8Array.of(1, 60, 8, 1, ...new Uint8Array(48)),
    },
  ])("matches none where it is $name", async ({ stored }) => {
    expect(await passwordMatches("", stored)).toBe(false);
    expect(await passwordMatches("a", stored)).toBe(false);
  });
});

describe("Attempts", () => {
  it("make a name wait that failed too often, and no other", async () => {
    let nowMs = 0;
    const attempts = new Attempts(() => nowMs);
    const wrong = () => attempts.attempt("alice", async () => false);
    for (let i = 0; i < 10; i++) expect(await wrong()).toBe(false);
    await expect(wrong()).rejects.toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 1_000 });
    expect(await attempts.attempt("bob", async () => true)).toBe(true);
    nowMs = 1_000;
    expect(await wrong()).toBe(false);
    await expect(wrong()).rejects.toMatchObject({ code: "RATE_LIMITED" });
    expect(attempts.metrics()).toEqual({ authSucceeded: 1, authFailed: 11, authLimited: 2 });
  });

  it("hash one at a time, and let few wait", async () => {
    const attempts = new Attempts(() => 0);
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => release.push(resolve));
      running--;
    };
    const all = Array.from({ length: 64 }, () => attempts.inTurn(work));
    await expect(attempts.inTurn(work)).rejects.toMatchObject({ code: "RATE_LIMITED" });
    let done = false;
    void Promise.all(all).then(() => {
      done = true;
    });
    while (!done) {
      release.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBe(1);
    await expect(attempts.inTurn(async () => 1)).resolves.toBe(1);
  });

  it("forget the oldest of the names that failed", async () => {
    const attempts = new Attempts(() => 0);
    const fail = (name: string) => attempts.attempt(name, async () => false);
    for (let i = 0; i < 10; i++) await fail("first");
    for (let i = 0; i < 1_024; i++) await fail(`other-${i}`);
    expect(await fail("first")).toBe(false);
  });
});
