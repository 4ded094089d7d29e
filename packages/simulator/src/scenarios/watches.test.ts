import type { RemoteClient, WatchOptions } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { Script, snapshotPlan } from "../testing/script.js";
import { toName } from "../workload/call.js";

interface Heard {
  /** `REVISION KEY`, with a minus for a delete. */
  readonly events: string[];
  revision: number;
  ended: string | undefined;
}

function hear(client: RemoteClient, options: WatchOptions): Heard {
  const heard: Heard = { events: [], revision: 0, ended: undefined };
  const watch = client.watch({ prefix: "x" }, options);
  (async () => {
    for await (const { events, revision } of watch) {
      for (const event of events) {
        const key = toName(event.kind === "put" ? event.record.key : event.key);
        heard.events.push(`${event.revision} ${event.kind === "put" ? "" : "-"}${key}`);
      }
      heard.revision = revision;
    }
  })().catch((error: unknown) => {
    heard.ended = isEngineError(error) ? error.code : String(error);
  });
  return heard;
}

/** What the twin knows of keys with this prefix, from a revision on. */
function truth(script: Script, from: number): string[] {
  return script.cluster.equalStores.twin.events
    .filter(({ revision, key }) => revision >= from && key.startsWith("x"))
    .map(({ revision, key, record }) => `${revision} ${record === undefined ? "-" : ""}${key}`);
}

describe("watches under faults", () => {
  it("scenario 68: from a past revision, over compaction, an install and changes of the leader (W1-W9)", async () => {
    const script = await Script.startCalm(snapshotPlan);
    const leader = await script.leader();
    await script.fill(leader, 100);
    const behind = script.others(leader)[0]!;
    const heard = hear(script.client(), { fromRevision: 20 });
    await script.until("the past", () => heard.revision >= 90);
    // It misses so much that it must be sent a snapshot.
    script.separate([behind], script.others(behind));
    await script.fill(leader, 200);
    const compacted = script.tell(async () => {
      await script.client().compact(250);
      return undefined;
    });
    await script.until("the compaction", () => compacted.status === "ok");
    script.cluster.network.heal();
    leader.crash("process");
    const next = await script.leader(script.others(leader));
    await script.fill(next, 50);
    leader.start();
    await script.until("the rest", () => heard.events.length >= truth(script, 20).length);
    expect(heard.ended).toBeUndefined();
    expect(heard.events).toEqual(truth(script, 20));
    await script.end();
  });

  it("scenario 69: at, before and behind the revision that is compacted, and in the future", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    await script.fill(leader, 30);
    const removed = script.tell(async () => String(await script.client().delete("x5")));
    await script.until("the delete", () => removed.status === "ok");
    const { revision } = leader.kv!.store;
    const compacted = script.tell(async () => {
      await script.client().compact(20);
      return undefined;
    });
    await script.until("the compaction", () => compacted.status === "ok");
    // A node that has not applied it yet still has all that a watch from before wants.
    await script.advance(200);
    const [before, at, onDelete, ahead] = [19, 20, revision, revision + 3].map((fromRevision) => {
      return hear(script.client(), { fromRevision });
    });
    await script.until("the refusal", () => before!.ended !== undefined);
    expect(before).toMatchObject({ events: [], ended: "COMPACTED" });
    await script.fill(leader, 5);
    const heard = [at, onDelete, ahead].map((one) => one!.events);
    const due = () => [20, revision, revision + 3].map((from) => truth(script, from));
    await script.until("all", () => heard.flat().length === due().flat().length);
    expect(onDelete!.events[0]).toBe(`${revision} -x5`);
    expect(heard).toEqual(due());
    await script.end();
  });

  it("scenario 69: at a node that lags, nothing comes early, and nothing is left out", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    await script.fill(leader, 10);
    // It hears nothing for less than a watch bears without a leader.
    const lagging = script.others(leader)[0]!;
    script.deafen(lagging);
    await script.fill(leader, 10);
    const { revision } = leader.kv!.store;
    const client = script.client();
    const heard = [1, revision].map((fromRevision) => hear(client, { fromRevision }));
    await script.advance(2_000);
    script.cluster.network.heal();
    await script.fill(leader, 5);
    await script.until("all", () => heard.every((one) => one.revision >= revision + 5));
    expect(heard.map(({ events }) => events)).toEqual([truth(script, 1), truth(script, revision)]);
    await script.end();
  });
});
