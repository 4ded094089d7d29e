import { encodeDelete, encodePut, Slab, stringToKey } from "@d-engine/codec";
import { describe, expect, it } from "vitest";
import type { LocalWatch } from "../watch/local-watch.js";
import { endOf, eventText, oneKey, prefixed, takeAll } from "../watch/testing/watched.js";
import { type RunningKvNode, startCluster, startLeader } from "./testing/start-kv-node.js";

const slab = new Slab();
const put = (key: string, value: string): Uint8Array =>
  encodePut(slab, stringToKey(key), stringToKey(value));
const del = (key: string): Uint8Array => encodeDelete(slab, stringToKey(key));

describe("KvNode.watch", () => {
  it("gets what is applied, from the past and from now on, without gap or repeat", async () => {
    const running = await startLeader();
    await write(running, put("k", "1"), put("other", "2"), put("k", "3"));
    const past = running.node.watch(oneKey("k", { startRevision: 1, prevKv: true }));
    const live = running.node.watch(prefixed(""));
    await write(running, del("k"), put("k", "5"));
    expect(takeAll(past).flat()).toEqual(["1 k=1", "3 k=3 (1)", "4 k (3)", "5 k=5"]);
    expect(takeAll(live).flat()).toEqual(["4 k", "5 k=5"]);
    expect(running.node.watchMetrics()).toMatchObject({ watches: 2, watchesBehind: 0 });
    await closed(running);
  });

  it("works on every role: a follower tells the same, in the same order", async () => {
    const { clock, nodes, leader } = await startCluster();
    const watches = nodes.map(({ node }) => node.watch(prefixed("")));
    const leading = leader();
    if (leading === undefined) throw new Error("nobody leads");
    await write(leading, put("a", "1"), put("b", "2"), del("a"));
    await clock.advanceUntil(() => nodes.every(({ store }) => store.revision === 3));
    for (const watch of watches) {
      expect(takeAll(watch).flat()).toEqual(["1 a=1", "2 b=2", "3 a"]);
    }
    for (const running of nodes) await closed(running);
  });

  it("goes on behind a state that was installed in place of the old one (R16)", async () => {
    const ahead = await startLeader();
    await write(ahead, put("k", "1"), put("k", "2"), del("k"), put("k", "4"));
    const behind = await startLeader();
    await write(behind, put("k", "1"));
    const live = behind.node.watch(oneKey("k", { prevKv: true }));
    install(behind, ahead);
    await behind.clock.turn();
    expect(takeAll(live).flat()).toEqual(["2 k=2 (1)", "3 k (2)", "4 k=4"]);
    await closed(ahead);
    await closed(behind);
  });

  it("ends with CLOSED when the node closes, after what there was", async () => {
    const running = await startLeader();
    const watch = running.node.watch(oneKey("k"));
    await write(running, put("k", "1"));
    await closed(running);
    expect(firstOf(watch)).toEqual(["1 k=1"]);
    expect(endOf(watch)).toMatchObject({ code: "CLOSED" });
    expect(() => running.node.watch(oneKey("k"))).toThrow(
      expect.objectContaining({ code: "CLOSED" }),
    );
  });
});

describe("KvNode.query", () => {
  it("answers at the level that is asked for, also of the past", async () => {
    const running = await startLeader();
    await write(running, put("k", "1"), put("k", "2"));
    const range = {
      kind: "range" as const,
      key: stringToKey("k"),
      rangeEnd: undefined,
      limit: 0,
      revision: 1,
      keysOnly: false,
      countOnly: false,
      descending: false,
    };
    const answer = running.node.query(range, { consistency: "linearizable" });
    await running.clock.turn();
    expect(await answer).toMatchObject({
      kind: "range",
      count: 1,
      revision: 1,
      entries: [{ modRevision: 1, version: 1 }],
    });
    const future = running.node.query({ ...range, revision: 9 }, { consistency: "eventual" });
    await expect(future).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await closed(running);
  });
});

async function write({ node, clock }: RunningKvNode, ...commands: Uint8Array[]): Promise<void> {
  const results = commands.map((command) => node.write(command));
  let settled = false;
  void Promise.allSettled(results).then(() => {
    settled = true;
  });
  await clock.advanceUntil(() => settled);
  await Promise.all(results);
}

/** As a driver does with a snapshot of another node. */
function install(into: RunningKvNode, from: RunningKvNode): void {
  const restoration = into.store.restore();
  const snapshot = from.store.snapshot();
  for (let part = snapshot.next(1); part.length > 0; part = snapshot.next(1)) {
    for (const record of part) restoration.add(record);
  }
  restoration.finish(from.store.lastApplied);
}

async function closed({ node, clock }: RunningKvNode): Promise<void> {
  let done = false;
  void node.driver.close().then(() => {
    done = true;
  });
  await clock.advanceUntil(() => done);
}

function firstOf(watch: LocalWatch): string[] {
  const message = watch.take();
  return message?.kind === "events" ? message.events.map(eventText) : [];
}
