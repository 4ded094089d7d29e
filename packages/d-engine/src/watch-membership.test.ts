import { connect, type MembershipSnapshot } from "@d-engine/client";
import { nodeId } from "@d-engine/core";
import { expect, it } from "vitest";
import { readyEngine } from "./testing/engine-in.js";

it("watchMembership of an embedded and of a connected client tell the same", async () => {
  const engine = await readyEngine({ listen: "127.0.0.1:0" });
  await using client = await connect([engine.address ?? ""]);
  const local = engine.client();
  const watches = [
    engine.watchMembership(),
    local.watchMembership(),
    client.watchMembership({ timeoutMs: 500 }),
  ];
  const taken = () => Promise.all(watches.map(async (watch) => (await watch.next()).value));
  const all = (snapshot: Partial<MembershipSnapshot>) =>
    watches.map(() => expect.objectContaining(snapshot));
  expect(await taken()).toEqual(all({ members: [1].map(nodeId), learners: [] }));
  const next = taken();
  const learner = { kind: "addNode", nodeId: nodeId(2), address: "127.0.0.1:1" } as const;
  const { membership } = engine.localNode;
  const { logId } = await membership.change({ ...learner, status: "readOnly" });
  expect(await next).toEqual(all({ learners: [nodeId(2)], committedIndex: logId.index }));

  const ends = Promise.allSettled(watches.map((watch) => watch.next()));
  await engine.close();
  expect(await ends).toEqual([
    { status: "fulfilled", value: { done: true, value: undefined } },
    { status: "fulfilled", value: { done: true, value: undefined } },
    { status: "rejected", reason: expect.objectContaining({ code: "CLUSTER_UNAVAILABLE" }) },
  ]);
});

it("a stream of members ends with its client, and by its signal", async () => {
  const engine = await readyEngine({ listen: "127.0.0.1:0" });
  for (const client of [engine.client(), await connect([engine.address ?? ""])]) {
    const abort = new AbortController();
    const aborted = client.watchMembership({ signal: abort.signal });
    const closed = client.watchMembership();
    await Promise.all([aborted.next(), closed.next()]);
    const ends = Promise.allSettled([aborted.next(), closed.next()]);
    abort.abort(new Error("enough"));
    await client.close();
    expect(await ends).toMatchObject([
      { status: "rejected", reason: { message: "enough" } },
      { status: "fulfilled", value: { done: true } },
    ]);
    expect(() => client.watchMembership()).toThrow(/closed/);
  }
});
