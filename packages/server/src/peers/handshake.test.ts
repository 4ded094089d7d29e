import { type LogIndex, nodeId } from "@d-engine/core";
import type { Metadata } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { FEATURE_LEVEL } from "../driver/feature-gate.js";
import {
  identityMetadata,
  type PeerIdentity,
  readIdentity,
  readRemoval,
  refusePeer,
  removalMetadata,
  removedReason,
} from "./handshake.js";

const local: PeerIdentity = {
  clusterId: "c".repeat(32),
  nodeId: nodeId(1),
  instanceId: "1".repeat(32),
  featureLevel: FEATURE_LEVEL,
};
const peer: PeerIdentity = { ...local, nodeId: nodeId(2), instanceId: "2".repeat(32) };
const clusterKey = "x-d-engine-cluster-id";
const nobody = { instanceOf: () => undefined };

describe("readIdentity", () => {
  it("reads back what identityMetadata wrote", () => {
    expect(readIdentity(identityMetadata(peer))).toEqual({ kind: "identity", identity: peer });
  });

  it.each([
    { name: "nothing at all", change: (m: Metadata) => wipe(m) },
    { name: "no cluster id", change: (m: Metadata) => m.remove("x-d-engine-cluster-id") },
    { name: "a short cluster id", change: (m: Metadata) => m.set("x-d-engine-cluster-id", "ab") },
    { name: "node id 0", change: (m: Metadata) => m.set("x-d-engine-node-id", "0") },
    { name: "a node id past 32 bits", change: (m: Metadata) => m.set("x-d-engine-node-id", "5e9") },
    { name: "no instance id", change: (m: Metadata) => m.remove("x-d-engine-instance-id") },
    { name: "no feature level", change: (m: Metadata) => m.remove("x-d-engine-feature-level") },
  ])("takes a caller with $name for a stranger (scenario 78)", ({ change }) => {
    const metadata = identityMetadata(peer);
    change(metadata);
    const read = readIdentity(metadata);
    expect(read.kind).toBe("malformed");
  });
});

describe("readRemoval", () => {
  const told = (change: (metadata: Metadata) => void = () => undefined) => {
    const metadata = removalMetadata(identityMetadata(peer), 7 as LogIndex);
    change(metadata);
    return readRemoval(metadata, local, peer.nodeId, nobody);
  };

  it("reads by which entry a member says that this node was removed", () => {
    expect(told()).toBe(7);
    expect(removedReason(local, 7 as LogIndex)).toMatch(/log entry 7: stop it.*member add/);
  });

  it.each([
    { name: "another cluster", change: (m: Metadata) => m.set(clusterKey, "d".repeat(32)) },
    { name: "another node", change: (m: Metadata) => m.set("x-d-engine-node-id", "3") },
    { name: "a stranger", change: (m: Metadata) => m.remove(clusterKey) },
    { name: "who names no entry", change: (m: Metadata) => m.set("x-d-engine-removed-by", "x") },
    { name: "who says nothing", change: (m: Metadata) => m.remove("x-d-engine-removed-by") },
  ])("does not believe $name", ({ change }) => {
    expect(told(change)).toBeUndefined();
  });

  it("does not believe a member whose data directory was replaced", () => {
    const metadata = removalMetadata(identityMetadata(peer), 7 as LogIndex);
    const directory = { instanceOf: () => "3".repeat(32) };
    expect(readRemoval(metadata, local, peer.nodeId, directory)).toBeUndefined();
  });
});

describe("refusePeer", () => {
  it("lets a member in whose instance is recorded, and one that nobody has met yet (R13)", () => {
    expect(refusePeer(local, peer, nobody)).toBeUndefined();
    expect(refusePeer(local, peer, { instanceOf: () => peer.instanceId })).toBeUndefined();
  });

  it("scenario 36: refuses another cluster and names what to compare", () => {
    const stranger = { ...peer, clusterId: "d".repeat(32) };
    const reason = refusePeer(local, stranger, nobody);
    expect(reason).toContain("belongs to cluster dddd");
    expect(reason).toContain("initial_cluster and cluster_token");
  });

  it("scenario 35: refuses a node whose data directory was replaced, and names the way out", () => {
    const reason = refusePeer(local, peer, { instanceOf: () => "3".repeat(32) });
    expect(reason).toContain("data directory was replaced");
    expect(reason).toContain("member remove 2");
  });

  it("tells a node that reached itself from two nodes with one id", () => {
    expect(refusePeer(local, local, nobody)).toContain("reached itself");
    const twin = { ...local, instanceId: "9".repeat(32) };
    expect(refusePeer(local, twin, nobody)).toContain("two nodes claim the id 1");
  });
});

function wipe(metadata: Metadata): void {
  for (const key of Object.keys(metadata.getMap())) metadata.remove(key);
}
