import { nodeId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { bootstrapIdentity, parseInitialCluster } from "./initial-cluster.js";

const three = { 1: "127.0.0.1:9081", 2: "127.0.0.1:9082", 3: "127.0.0.1:9083" };
const start = (id: number, initialCluster: Record<number, string>, clusterToken?: string) =>
  bootstrapIdentity({
    nodeId: nodeId(id),
    address: "127.0.0.1:9081",
    initialCluster,
    ...(clusterToken === undefined ? {} : { clusterToken }),
  });

describe("bootstrapIdentity", () => {
  it("gives every member the same cluster id, in whatever order the members are named (R13)", () => {
    const reordered = Object.fromEntries(Object.entries(three).reverse());
    const ids = [start(1, three), start(2, reordered), start(3, three)].map((i) => i.clusterId);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("draws another instance id each time, and another cluster id for another token", () => {
    const one = start(1, three);
    const again = start(1, three);
    expect(one.instanceId).not.toBe(again.instanceId);
    expect(start(1, three, "staging").clusterId).not.toBe(one.clusterId);
  });

  it("makes all initial members voters, ordered by id", () => {
    expect(start(2, three).bootstrap.members).toEqual([
      { id: 1, address: "127.0.0.1:9081", status: "active" },
      { id: 2, address: "127.0.0.1:9082", status: "active" },
      { id: 3, address: "127.0.0.1:9083", status: "active" },
    ]);
  });

  it("starts a lone voter with a random cluster id when no cluster is given", () => {
    const make = () => bootstrapIdentity({ nodeId: nodeId(7), address: "10.0.0.1:9081" });
    expect(make().bootstrap.members).toEqual([
      { id: 7, address: "10.0.0.1:9081", status: "active" },
    ]);
    expect(make().clusterId).not.toBe(make().clusterId);
  });

  it.each([
    { name: "this node is missing", id: 4, cluster: three, says: "node 4 is not in" },
    { name: "two share an address", id: 1, cluster: { 1: "a:1", 2: "a:1" }, says: "address a:1" },
    { name: "an id is 0", id: 1, cluster: { 0: "a:1", 1: "b:1" }, says: "node id must be" },
    { name: "nobody is named", id: 1, cluster: {}, says: "names no member" },
  ])("refuses a cluster in which $name", ({ id, cluster, says }) => {
    expect(() => start(id, cluster)).toThrow(says);
  });
});

describe("parseInitialCluster", () => {
  it("reads ID=HOST:PORT pairs", () => {
    expect(parseInitialCluster("1=127.0.0.1:9081, 2=db-2.internal:9081")).toEqual({
      1: "127.0.0.1:9081",
      2: "db-2.internal:9081",
    });
  });

  it.each([
    { text: "", says: '"" is not ID=HOST:PORT' },
    { text: "1=host", says: '"1=host" is not' },
    { text: "one=host:1", says: '"one=host:1" is not' },
    { text: "1=a:1,1=b:1", says: "node 1 is named twice" },
  ])("refuses $text", ({ text, says }) => {
    expect(() => parseInitialCluster(text)).toThrow(says);
  });
});
