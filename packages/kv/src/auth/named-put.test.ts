import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyAs, change, guardedMachine, identityOf, local } from "../../test/auth-commands.js";
import { applyNext, put } from "../../test/commands.js";

const who = fc.constantFrom("alice", "root", "local", "nobody", "stale");
const step = fc.record({
  who,
  key: fc.constantFrom("a", "b", "bb", "c", "d", "x", "xx"),
  value: fc.constantFrom("", "1", "2".repeat(300)),
  /** Rights and passwords change in between. */
  before: fc.constantFrom("nothing", "nothing", "nothing", "revoke", "grant", "password"),
});

describe("a plain put that says on whose behalf it is", () => {
  it("comes to what it does the long way, whoever writes and whatever changes", () => {
    const counts = { done: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const machines = [guardedMachine(), guardedMachine()] as const;
        const stale = identityOf(machines[0], "alice");
        for (const one of steps) {
          const outcomes = machines.map((machine, at) => {
            if (one.before === "revoke") {
              applyAs(machine, "root", change("revokeRole", { user: "alice", role: "team" }));
            }
            if (one.before === "grant") {
              applyAs(machine, "root", change("grantRole", { user: "alice", role: "team" }));
            }
            if (one.before === "password") {
              applyAs(machine, "root", change("setPassword", { user: "alice" }));
            }
            const identity =
              one.who === "stale"
                ? stale
                : one.who === "local"
                  ? local
                  : identityOf(machine, one.who);
            const command = put(one.key, one.value);
            // A second, empty occurrence of the identity means the same, and is not the usual form.
            const twice = Uint8Array.of(0xba, 0x06, 0);
            if (at === 0) return applyAs(machine, identity, command);
            return applyAs(machine, identity, Uint8Array.of(...command, ...twice));
          });
          expect(outcomes[0]).toEqual(outcomes[1]);
          counts[outcomes[0]?.succeeded ? "done" : "refused"] += 1;
        }
        expect(machines[0].stateHash()).toBe(machines[1].stateHash());
      }),
    );
    expect(counts.done).toBeGreaterThan(50);
    expect(counts.refused).toBeGreaterThan(50);
  });

  it("stops the node where the identity is broken, as any other command", () => {
    const machine = guardedMachine();
    const broken = Uint8Array.of(...put("b", "1"), 0xba, 0x06, 2, 0x0a, 5);
    const corrupt = expect.objectContaining({ code: "DATA_CORRUPTION" });
    expect(() => applyNext(machine, broken)).toThrow(corrupt);
  });
});
