import { describe, expect, it } from "vitest";
import { parcelsOf } from "../testing/message-gate.js";
import { Script, type Told } from "../testing/script.js";

const ended = ({ status }: Told) => status !== "pending";

describe("transfers of leadership under faults", () => {
  it("scenario 14: intake opens again after a target that lags has died half way", async () => {
    const script = await Script.start();
    const leader = await script.leader();
    const { term } = script.status(leader);
    const [target] = script.others(leader);
    script.cluster.network.slow(leader.id, target!.id, 200);
    const writes = Array.from({ length: 50 }, (_, i) => script.put(leader, "x", `before ${i}`));
    const transfer = script.transfer(leader, target!);
    await script.advance(script.electionTimeoutMs / 4);
    writes.push(script.put(leader, "x", "between"));
    target!.crash("power");
    await script.until("its end", () => ended(transfer), 2 * script.electionTimeoutMs);
    expect(transfer.status).toBe("CLUSTER_UNAVAILABLE rejected");
    await script.until("every answer", () => writes.every(ended));
    const after = script.put(leader, "x", "after");
    await script.until("a write", () => ended(after), script.electionTimeoutMs);
    expect(after.status).toBe("ok");
    expect(script.status(leader)).toMatchObject({ role: "leader", term });
    await script.end();
  });

  it("scenario 15: TimeoutNow of an earlier term starts no election", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    const [target] = script.others(leader);
    const late = script.gate.collect(parcelsOf("timeoutNow"), { letPass: false });
    script.transfer(leader, target!);
    await script.until("TimeoutNow", () => late.parcels.length > 0);
    leader.crash("process");
    leader.start();
    script.letCampaign(leader);
    await script.leader([leader]);
    const { term } = script.status(leader);
    await script.until("following", () => script.status(target!).leaderId === leader.id);
    late.release();
    await script.advance(5 * script.electionTimeoutMs);
    expect(script.status(leader)).toMatchObject({ role: "leader", term });
    await script.end();
  });

  it("scenario 15: TimeoutNow after its transfer was given up brings no stale lease read", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    const [target, other] = script.others(leader);
    const late = script.gate.collect(parcelsOf("timeoutNow"), { letPass: false });
    const transfer = script.transfer(leader, target!);
    await script.until("giving up", () => ended(transfer), 2 * script.electionTimeoutMs);
    const before = script.put(leader, "x", "before");
    await script.until("a write", () => ended(before));
    expect(before.status).toBe("ok");
    await script.advance(2 * script.cluster.plan.raft.heartbeatIntervalMs);
    script.deafen(leader);
    late.release();
    const next = await script.leader([target!, other!]);
    const after = script.put(next, "x", "after");
    await script.until("another write", () => ended(after));
    expect(after.status).toBe("ok");
    expect(script.status(leader).role).toBe("leader");
    const read = script.get(leader, "x", "lease", 1_000);
    await script.until("the read", () => ended(read));
    expect(read.status).not.toBe("ok");
    await script.end();
  });
});
