import type { AuthCommand } from "@d-engine/codec";
import { encodeKvWrite, Slab, withIdentity } from "@d-engine/codec";
import type { LogIndex } from "@d-engine/core";
import { type AuthState, KvStateMachine } from "@d-engine/kv";
import { describe, expect, it } from "vitest";
import { authChange, type GivenChange } from "../../test/auth-changes.js";
import { LOCAL_IDENTITY } from "../driver/caller.js";
import { newLastingToken, signToken, TokenCaller } from "./token.js";

const slab = new Slab();
const key = new Uint8Array(32).fill(7);

/** What asks for `alice`, who may be `root`. */
function guarded() {
  const machine = new KvStateMachine();
  const change = (kind: AuthCommand["change"], given: GivenChange = {}): AuthState => {
    const command = withIdentity(
      slab,
      encodeKvWrite(slab, authChange(kind, given)),
      LOCAL_IDENTITY,
    );
    machine.apply((machine.lastApplied + 1) as LogIndex, command);
    return machine.auth;
  };
  change("addUser", { user: "alice" });
  change("grantRole", { user: "alice", role: "root" });
  const auth = change("enable", { secret: key });
  return { auth, change };
}

function ports(nowMs = 1_000, clusterId = "c") {
  return { clusterId, nowMs: () => nowMs };
}

const alice = { user: "alice", epoch: 1, local: false };
const unauthenticated = expect.objectContaining({ code: "UNAUTHENTICATED" });

describe("a token for a password", () => {
  it("says who it is until its time is over", () => {
    const { auth } = guarded();
    let nowMs = 1_000;
    const clock = { clusterId: "c", nowMs: () => nowMs };
    const caller = new TokenCaller(signToken(auth, alice, 500, clock), clock);
    expect(caller.identityIn(auth)).toEqual(alice);
    nowMs = 1_499;
    expect(caller.identityIn(auth)).toEqual(alice);
    nowMs = 1_500;
    expect(() => caller.identityIn(auth)).toThrow(unauthenticated);
  });

  it("ends with the key, the password and the user, also where it was good before", () => {
    const { auth, change } = guarded();
    const caller = new TokenCaller(signToken(auth, alice, 500, ports()), ports());
    expect(caller.identityIn(auth)).toEqual(alice);
    const rekeyed = guarded().change("disable");
    expect(rekeyed.tokenKey).toEqual(key);
    const other = guarded().change("enable", { secret: new Uint8Array(32) });
    expect(() => caller.identityIn(other)).toThrow(unauthenticated);
    const changed = change("setPassword", { user: "alice" });
    expect(() => caller.identityIn(changed)).toThrow(unauthenticated);
  });

  it("is unknown to a node that has not heard of its user yet, which says so", () => {
    const { auth, change } = guarded();
    change("addUser", { user: "bob" });
    const newer = change("grantRole", { user: "bob", role: "root" });
    const bob = { user: "bob", epoch: 4, local: false };
    const caller = new TokenCaller(signToken(newer, bob, 500, ports()), ports());
    expect(caller.identityIn(newer)).toEqual(bob);
    const later = expect.objectContaining({ code: "CLUSTER_UNAVAILABLE" });
    expect(() => caller.identityIn(auth)).toThrow(later);
  });

  it.each([
    {
      name: "of another cluster",
      made: (auth: AuthState) => signToken(auth, alice, 500, ports(1_000, "d")),
    },
    {
      name: "of another key",
      made: () => signToken(guarded().change("enable"), alice, 500, ports()),
    },
    {
      name: "with other claims",
      made: (auth: AuthState) => forged(signToken(auth, alice, 500, ports())),
    },
    {
      name: "without an end",
      made: (auth: AuthState) => signToken(auth, alice, 500, ports()).slice(0, -1),
    },
    {
      name: "with one part more",
      made: (auth: AuthState) => `${signToken(auth, alice, 500, ports())}.x`,
    },
    { name: "that is empty", made: () => "" },
    { name: "of another kind", made: () => "de2.e30.e30" },
    { name: "that is too long", made: () => `de1.${"A".repeat(2_000)}.A` },
    { name: "that lasts, of nobody", made: () => newLastingToken("bob", "t").token },
    { name: "that lasts, and holds nonsense", made: () => "det.e30.e30" },
    { name: "that lasts, and is no JSON", made: () => "det.AAAA.e30" },
  ])("$name is not taken, and is not repeated in the error", ({ made }) => {
    const { auth } = guarded();
    const token = made(auth);
    const caller = new TokenCaller(token, ports());
    expect(() => caller.identityIn(auth)).toThrow(unauthenticated);
    try {
      caller.identityIn(auth);
    } catch (error) {
      const secret = token.split(".").at(-1) ?? "";
      if (secret.length > 8) expect(String(error)).not.toContain(secret);
    }
  });
});

/** The same mac behind claims of another user. */
function forged(token: string): string {
  const [prefix, , mac] = token.split(".");
  const claims = Buffer.from(JSON.stringify(["root", 1, 3, 9e15])).toString("base64url");
  return [prefix, claims, mac].join(".");
}

describe("a token that lasts", () => {
  it("is good until it is deleted, whatever becomes of the password", () => {
    const { change } = guarded();
    const { token, hash } = newLastingToken("alice", "ci");
    const auth = change("addToken", { user: "alice", token: "ci", secret: hash });
    const caller = new TokenCaller(token, ports());
    expect(caller.identityIn(auth)).toEqual(alice);
    const changed = change("setPassword", { user: "alice" });
    expect(caller.identityIn(changed)).toEqual({ ...alice, epoch: changed.revision });
    const deleted = change("deleteToken", { user: "alice", token: "ci" });
    expect(() => caller.identityIn(deleted)).toThrow(unauthenticated);
  });
});
