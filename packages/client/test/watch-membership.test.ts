import { nodeId } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { follow } from "../../server/src/driver/testing/outcome.js";
import { VirtualClock } from "../../server/src/driver/testing/virtual-clock.js";
import { connectLazilyOver, type MembershipSnapshot, type RemoteClient } from "../src/index.js";
import { ScriptedStreams } from "./scripted-streams.js";

const endpoints = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"];
const timeoutMs = 4_000;

let clock: VirtualClock;
let network: ScriptedStreams;
let client: RemoteClient;

beforeEach(() => {
  clock = new VirtualClock();
  network = new ScriptedStreams(clock);
  const ports = { transport: network, clock, random: { next: () => 0 } };
  client = connectLazilyOver(ports, endpoints, { timeoutMs });
});

const snapshot = (committedIndex: number): MembershipSnapshot => ({
  members: [1, 2, 3].map(nodeId),
  learners: committedIndex > 5 ? [nodeId(4)] : [],
  committedIndex,
});
const tell = (index: number) => network.last.stream.received(snapshot(index), 8);
const lose = () => network.last.stream.ended({ kind: "lost", message: "cut" });
const failing = { kind: "unreachable", message: "down" } as const;

type Watch = AsyncIterator<MembershipSnapshot, undefined>;

/** What the next one is, in as much time as it needs. */
async function next(watch: Watch): Promise<IteratorResult<MembershipSnapshot, undefined>> {
  const given = watch.next();
  const standing = follow(given);
  await clock.advanceUntil(() => standing().kind !== "pending");
  return given;
}

async function begin(index: number): Promise<Watch> {
  const watch = client.watchMembership();
  const first = watch.next();
  tell(index);
  expect(await first).toEqual({ done: false, value: snapshot(index) });
  return watch;
}

describe("RemoteClient.watchMembership", () => {
  it("tells the members now, then each change, and a slow reader the newest alone", async () => {
    const watch = await begin(3);
    const waiting = watch.next();
    tell(4);
    expect((await waiting).value).toEqual(snapshot(4));
    for (const index of [5, 6, 7]) tell(index);
    await clock.turn();
    expect((await watch.next()).value).toEqual(snapshot(7));
    expect(network.opened).toHaveLength(1);
  });

  it("asks the next node when a stream breaks, and repeats nothing", async () => {
    const watch = await begin(3);
    network.onOpen = ({ address, stream }) => {
      if (address === endpoints[1]) return stream.ended(failing);
      for (const index of [3, 4]) stream.received(snapshot(index), 8);
    };
    lose();
    expect((await next(watch)).value).toEqual(snapshot(4));
    expect(network.opened.map(({ address }) => address)).toEqual(endpoints);
  });

  it("never goes back: what a stale node tells is passed over until it has caught up", async () => {
    const watch = await begin(9);
    const waiting = follow(watch.next());
    lose();
    await clock.advance(100);
    for (const index of [2, 4, 9]) tell(index);
    await clock.advance(10_000);
    expect(waiting().kind).toBe("pending");
    expect(network.opened).toHaveLength(2);
    tell(10);
    await clock.turn();
    expect(waiting()).toMatchObject({ value: { value: snapshot(10) } });
  });

  it("leaves a node that stays behind", async () => {
    const watch = await begin(9);
    const waiting = follow(watch.next());
    network.onOpen = ({ address, stream }) =>
      stream.received(snapshot(address === endpoints[1] ? 2 : 11), 8);
    lose();
    await clock.advance(900);
    expect(network.opened).toHaveLength(2);
    await clock.advance(500);
    expect(waiting()).toMatchObject({ value: { value: snapshot(11) } });
    expect(network.opened[1]?.canceled()).toBe(true);
  });

  it("says so when nobody answers for its time, and with growing pauses until then", async () => {
    const watch = await begin(3);
    const waiting = watch.next();
    const standing = follow(waiting);
    network.onOpen = ({ stream }) => stream.ended(failing);
    await clock.advance(60_000); // a steady stream: its time begins when it breaks
    lose();
    await clock.advance(timeoutMs - 100);
    expect(standing().kind).toBe("pending");
    expect(network.opened.length).toBeLessThan(25);
    await clock.advance(200);
    await expect(waiting).rejects.toMatchObject({
      code: "CLUSTER_UNAVAILABLE",
      message: expect.stringMatching(/4000 ms; at last down/),
    });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(clock.pending).toBe(0);
  });

  it("gives a node that hangs half of the time, so that another can answer", async () => {
    const watch = client.watchMembership({ timeoutMs: 1_000 });
    network.onOpen = ({ address, stream }) => {
      if (address !== endpoints[0]) stream.received(snapshot(1), 8);
    };
    expect((await next(watch)).value).toEqual(snapshot(1));
    expect(network.opened).toHaveLength(2);
  });

  it.each([
    { name: "signal", end: (abort: AbortController) => abort.abort(new Error("enough")) },
    { name: "close", end: () => void client.close() },
  ])("ends by $name, and breaks its stream whether or not anybody waits", async ({ name, end }) => {
    const abort = new AbortController();
    const watch = client.watchMembership({ signal: abort.signal });
    const first = watch.next();
    tell(1);
    await first;
    const waiting = watch.next();
    end(abort);
    if (name === "signal") await expect(waiting).rejects.toThrow("enough");
    else expect(await waiting).toEqual({ done: true, value: undefined });
    expect(network.last.canceled()).toBe(true);
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(clock.pending).toBe(0);
    if (name === "close") expect(() => client.watchMembership()).toThrow(/closed/);
  });

  it("is released by a break, and opens nothing before it is read", async () => {
    const watch = client.watchMembership();
    expect(network.opened).toEqual([]);
    network.onOpen = ({ stream }) => stream.received(snapshot(1), 8);
    for await (const { committedIndex } of watch) {
      expect(committedIndex).toBe(1);
      break;
    }
    expect(network.last.canceled()).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
