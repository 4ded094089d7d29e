import type { NodeId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { Script } from "../testing/script.js";

describe("clients under faults", () => {
  it("scenario 62: a compare-and-swap that happened unheard is told unknown, and not repeated", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    const client = script.client();
    const first = script.tell(async () => String(await client.compareAndSwap("x", undefined, "1")));
    await script.until("the first one", () => first.status === "ok");
    const swap = script.tell(async () => String(await client.compareAndSwap("x", "1", "2")));
    // Both directions to where clients are, once the request is under way.
    await script.advance(3);
    script.cluster.network.cut(leader.id, 0);
    const applied = () => leader.kv?.store.revision === 2;
    await script.until("its execution", applied);
    // The answer is lost by now, which the client does not know yet.
    await script.advance(50);
    script.cluster.network.heal();
    await script.until("an answer", () => swap.status !== "pending", 60_000);
    expect(swap.status).toBe("OUTCOME_UNKNOWN unknown");
    const again = script.tell(async () => String(await client.compareAndSwap("x", "1", "3")));
    await script.until("another one", () => again.status !== "pending");
    expect(again).toEqual({ status: "ok", value: "false" });
    await script.end();
  });

  it("a client that watches the members follows them over crashes, cuts and stale nodes", async () => {
    const script = await Script.startCalm({ spares: 1 });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { committedIndex, learners } of script.client().watchMembership()) {
        seen.push(committedIndex);
        if (learners.length === 0 && seen.length > 2) return;
      }
    })();
    await script.until("the members of the beginning", () => seen.length === 1);
    const stale = await script.leader();
    const rest = script.others(stale, script.node(4));
    script.separate([stale], rest);
    script.cluster.network.cut(stale.id, 0);
    const next = await script.leader(rest);
    const learner = { nodeId: 4 as NodeId, address: script.node(4).address } as const;
    for (const change of [
      { kind: "addNode", status: "readOnly", ...learner },
      { kind: "removeNode", nodeId: learner.nodeId },
    ] as const) {
      const changed = script.change(next, change);
      await script.until("the change", () => changed.status === "ok");
      for (const node of rest) {
        node.crash("process");
        node.start();
        await script.until("recovery", () => node.kv !== undefined);
      }
      await script.leader(rest);
      await script.until(
        "the news",
        () => seen.length > (change.kind === "addNode" ? 1 : 2),
        60_000,
      );
    }
    await reading;
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    await script.end();
  });
});
