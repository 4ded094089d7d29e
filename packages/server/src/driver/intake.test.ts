import { describe, expect, it } from "vitest";
import type { Admission } from "./intake.js";
import { put } from "./testing/commands.js";
import { follow, told } from "./testing/outcome.js";
import { startLeader } from "./testing/start-kv-node.js";

const succeeded = (outcome: { readonly succeeded: boolean }): boolean => outcome.succeeded;

/** What becomes of a write of each admission at a bound. */
async function atBound(bound: "disk" | "queue" | "bytes"): Promise<Record<string, string>> {
  const options = {
    disk: {},
    queue: { pendingProposalsMax: 1 },
    bytes: { pendingProposalBytesMax: 10 },
  }[bound];
  const { node, clock, storage } = await startLeader({ options });
  storage.automatic = false;
  if (bound === "disk") storage.room(false);
  else node.write(put("first", "1")).catch(() => undefined);
  const admissions: Admission[] = ["normal", "renewal", "upkeep"];
  const writes = admissions.map((admission) =>
    follow(node.driver.propose(put("k", admission), succeeded, { admission })),
  );
  const own = follow(node.driver.proposeSystem(put("own", "1"), "upkeep"));
  await clock.turn();
  storage.automatic = true;
  storage.sync();
  await clock.advance(10);
  const [normal, renewal, upkeep] = writes.map((write) => told(write()));
  return { normal: `${normal}`, renewal: `${renewal}`, upkeep: `${upkeep}`, own: told(own()) };
}

describe("Intake", () => {
  it("lets renewal and upkeep into the log while the disk is full (R10)", async () => {
    expect(await atBound("disk")).toEqual({
      normal: "DISK_FULL rejected",
      renewal: "resolved",
      upkeep: "resolved",
      own: "resolved",
    });
  });

  it.each(["queue", "bytes"] as const)("lets upkeep pass a full queue (%s)", async (bound) => {
    expect(await atBound(bound)).toEqual({
      normal: "RATE_LIMITED rejected",
      renewal: "RATE_LIMITED rejected",
      upkeep: "resolved",
      own: "resolved",
    });
  });

  it("ends what was queued in the turn in which the disk filled up, without effect", async () => {
    const { node, clock, storage } = await startLeader();
    const write = follow(node.write(put("k", "1")));
    storage.room(false);
    await clock.advance(10);
    expect(told(write())).toBe("DISK_FULL rejected");
    storage.room(true);
    const later = follow(node.write(put("k", "2")));
    await clock.advance(10);
    expect(told(later())).toBe("resolved");
  });
});
