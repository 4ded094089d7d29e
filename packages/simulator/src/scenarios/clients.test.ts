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
});
