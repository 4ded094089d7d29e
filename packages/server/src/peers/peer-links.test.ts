import { nodeId } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { type PeerLink, PeerLinks } from "./peer-links.js";

const two = nodeId(2);
const three = nodeId(3);
let opened: string[];
let closed: string[];
let timers: (() => void)[];
let links: PeerLinks;
beforeEach(() => {
  opened = [];
  closed = [];
  timers = [];
  links = new PeerLinks({
    open: (peer, address) => {
      opened.push(`${peer}@${address}`);
      return fakeLink(`${peer}@${address}`);
    },
    lingerMs: 2000,
    setTimer: (_delayMs, run) => {
      timers.push(run);
      return { cancel: () => void timers.splice(timers.indexOf(run), 1) };
    },
  });
  links.setMembers(
    new Map([
      [two, "a:1"],
      [three, "a:2"],
    ]),
  );
});

describe("PeerLinks", () => {
  it("opens a link once for each member, and none to a peer that was never told of", () => {
    expect(links.to(two)).toBe(links.to(two));
    expect(links.to(nodeId(9))).toBeUndefined();
    expect(opened).toEqual(["2@a:1"]);
  });

  it("closes the link of a changed address, and opens one to the new", () => {
    links.to(two);
    links.setMembers(new Map([[two, "b:1"]]));
    expect(closed).toEqual(["2@a:1"]);
    links.to(two);
    expect(opened).toEqual(["2@a:1", "2@b:1"]);
  });

  it("keeps the link to a removed peer as long as something is sent to it (rule R12)", () => {
    links.to(two);
    links.setMembers(new Map([[three, "a:2"]]));
    expect(links.members).toEqual([three]);
    links.to(two);
    fireAll();
    expect(closed).toEqual([]);
    fireAll();
    expect(closed).toEqual(["2@a:1"]);
  });

  it("reaches a removed peer again later: an old half is asked until it is left", () => {
    links.to(two);
    links.setMembers(new Map([[three, "a:2"]]));
    fireAll();
    links.to(two);
    expect(opened).toEqual(["2@a:1", "2@a:1"]);
    fireAll();
    fireAll();
    expect(closed).toEqual(["2@a:1", "2@a:1"]);
  });

  it("keeps the link of a peer that was removed and comes back at the same address", () => {
    const link = links.to(two);
    links.setMembers(new Map([[three, "a:2"]]));
    links.setMembers(new Map([[two, "a:1"]]));
    fireAll();
    fireAll();
    expect(links.to(two)).toBe(link);
    expect(closed).toEqual([]);
  });

  it("forgets the oldest of many removed peers", () => {
    links.to(two);
    for (let id = 100; id < 165; id++) links.setMembers(new Map([[nodeId(id), `c:${id}`]]));
    expect(links.to(two)).toBeUndefined();
    expect(closed).toEqual(["2@a:1"]);
  });

  it("leaves no timer behind when it closes", () => {
    links.to(two);
    links.setMembers(new Map());
    links.close();
    expect(timers).toEqual([]);
  });
});

function fireAll(): void {
  for (const run of timers.splice(0)) run();
}

function fakeLink(name: string): PeerLink {
  return {
    connection: { close: () => closed.push(name) },
    snapshots: { close: () => undefined },
  } as unknown as PeerLink;
}
