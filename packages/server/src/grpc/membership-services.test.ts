import {
  EngineError,
  type LogIndex,
  type NodeId,
  nodeId,
  type SnapshotLabel,
  type Term,
} from "@d-engine/core";
import {
  cluster,
  common,
  create,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@d-engine/proto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../test/test-server.js";

const SERVICE = "/d_engine.server.cluster.ClusterManagementService";
const WireCode = cluster.ClusterConfUpdateResponse_ErrorCode;
const mine = "a".repeat(32);
const recorded = new Map<NodeId, string>();
const removed = new Map<NodeId, string>();

let newest: SnapshotLabel | undefined;
let test: TestServer;
beforeEach(async () => {
  recorded.clear();
  removed.clear();
  newest = undefined;
  test = await startTestServer({
    instances: {
      instanceOf: (id) => recorded.get(id),
      removalOf: (id, instanceId) => (removed.get(id) === instanceId ? (7 as LogIndex) : undefined),
      record: async (id, instanceId) => void recorded.set(id, instanceId),
    },
    admin: {
      changeMembership: (change, options) => test.node.membership.change(change, options),
      transferLeadership: notAsked,
      saveSnapshot: notAsked,
      get newestSnapshot() {
        return newest;
      },
      openSnapshot: notAsked,
    },
  });
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  expect(test.bugs).toEqual([]);
});

function notAsked(): never {
  throw new Error("nobody asks for this");
}

async function join(fields: MessageInitShape<typeof cluster.JoinRequestSchema> = {}) {
  const asked = { nodeId: 2, address: "10.0.0.2:9081", instanceId: mine, ...fields };
  const request = create(cluster.JoinRequestSchema, asked);
  const bytes = toBinary(cluster.JoinRequestSchema, request);
  const answer = await test.raw.unary(`${SERVICE}/JoinCluster`, bytes);
  const { body } = answer;
  const joined = body === undefined ? undefined : fromBinary(cluster.JoinResponseSchema, body);
  return { ...answer, joined };
}

async function update(fields: MessageInitShape<typeof cluster.ClusterConfChangeRequestSchema>) {
  const request = create(cluster.ClusterConfChangeRequestSchema, { version: 1n, ...fields });
  const bytes = toBinary(cluster.ClusterConfChangeRequestSchema, request);
  const { body, status, trailers } = await test.raw.unary(`${SERVICE}/UpdateClusterConf`, bytes);
  expect(status).toBe("OK");
  const response = fromBinary(cluster.ClusterConfUpdateResponseSchema, body ?? Buffer.of());
  return { trailers, ...response };
}

const add = (id: number) =>
  create(common.MembershipChangeSchema, {
    change: { case: "addNode", value: { nodeId: id, address: `10.0.0.${id}:9081`, status: 2 } },
  });

describe("JoinCluster", () => {
  it("adds a learner, records its directory, and answers with what that needs", async () => {
    const { joined } = await join();
    expect(joined).toMatchObject({
      success: true,
      configVersion: 2n,
      joinedAt: 2n,
      leaderId: 1,
      clusterId: "c".repeat(32),
      bootstrap: { nodes: [{ id: 1, status: common.NodeStatus.ACTIVE }, {}] },
      config: { version: 2n, nodes: [{ id: 1 }, { id: 2, status: common.NodeStatus.PROMOTABLE }] },
    });
    expect(recorded.get(nodeId(2))).toBe(mine);
  });

  it("tells of the newest snapshot, so that the joiner pulls it (StreamSnapshot)", async () => {
    expect((await join()).joined?.snapshotMetadata).toBeUndefined();
    const lastIncluded = { term: 2 as Term, index: 9 as LogIndex };
    newest = { lastIncluded, checksum: new Uint8Array(32).fill(7), bytes: 1234 };
    const told = (await join()).joined?.snapshotMetadata;
    expect(told).toMatchObject({ lastIncluded: { term: 2n, index: 9n }, bytes: 1234n });
    expect(Buffer.from(told?.checksum ?? []).equals(newest.checksum)).toBe(true);
  });

  it("takes the same directory again, whose answer was lost", async () => {
    await join();
    const { joined } = await join();
    expect(joined).toMatchObject({ success: true, configVersion: 2n, joinedAt: 2n });
    expect(test.shared.members).toHaveLength(2);
  });

  it.each([
    { name: "another directory (scenario 35)", fields: { instanceId: "b".repeat(32) } },
    { name: "another address", fields: { address: "10.0.0.9:9081" } },
  ])("refuses $name under a known id, with the way out", async ({ fields }) => {
    await join();
    expect(await join(fields)).toMatchObject({
      status: "INVALID_ARGUMENT",
      details: expect.stringMatching(/d-engine member remove \d", then start it again/),
    });
  });

  it("refuses a voter that has to begin anew, even as its recorded self (scenario 35)", async () => {
    recorded.set(nodeId(1), mine);
    const address = test.shared.members[0]?.address ?? "";
    expect(await join({ nodeId: 1, address })).toMatchObject({
      status: "INVALID_ARGUMENT",
      details: expect.stringMatching(/is a voter.*d-engine member remove 1/),
    });
  });

  it.each([
    { name: "node id 0", fields: { nodeId: 0 }, says: "node id 0" },
    { name: "no address", fields: { address: "" }, says: "is not an address" },
    { name: "a voter", fields: { status: common.NodeStatus.ACTIVE }, says: "becomes a voter when" },
    { name: "a bad instance", fields: { instanceId: "x" }, says: "32 hexadecimal digits" },
    { name: "an unknown status", fields: { status: 9 }, says: "status 9" },
  ])("refuses $name", async ({ fields, says }) => {
    const { status, details } = await join(fields);
    expect(status).toBe("INVALID_ARGUMENT");
    expect(details).toContain(says);
  });

  it("refuses a directory that was removed, and takes a new one in its place", async () => {
    removed.set(nodeId(2), mine);
    expect(await join()).toMatchObject({
      status: "INVALID_ARGUMENT",
      details: expect.stringMatching(/removed from the cluster by log entry 7.*empty directory/),
    });
    expect((await join({ instanceId: "b".repeat(32) })).joined).toMatchObject({ success: true });
  });

  it("is refused by a node that does not lead, which names the leader", async () => {
    test.shared.leaderId = undefined;
    expect(await join()).toMatchObject({ status: "FAILED_PRECONDITION" });
    test.shared.leaderId = nodeId(1);
    test.node.ready = false;
    expect(await join()).toMatchObject({ status: "UNAVAILABLE" });
  });
});

describe("UpdateClusterConf", () => {
  it("changes the members of the version that the caller has seen", async () => {
    expect(await update({ change: add(2) })).toMatchObject({
      id: 1,
      term: 3n,
      version: 2n,
      success: true,
    });
    expect(test.shared.members.at(-1)).toMatchObject({ id: 2, status: "readOnly" });
  });

  it.each([
    { name: "another version", fields: { version: 7n }, code: WireCode.VERSION_CONFLICT },
    {
      name: "a version that no cluster has",
      fields: { expectedVersion: 2n ** 64n - 1n },
      code: WireCode.INVALID_CHANGE,
    },
    { name: "an older term", fields: { term: 2n }, code: WireCode.TERM_OUTDATED },
    {
      name: "no change",
      fields: { change: create(common.MembershipChangeSchema) },
      code: WireCode.INVALID_CHANGE,
    },
    { name: "node id 0", fields: { change: add(0) }, code: WireCode.INVALID_CHANGE },
  ])("refuses $name, says why, and changes nothing", async ({ fields, code }) => {
    const answer = await update({ change: add(2), ...fields });
    expect(answer).toMatchObject({ success: false, errorCode: code, version: 1n });
    expect(answer.message).not.toBe("");
    expect(answer.code).toBeGreaterThan(0);
    expect(test.shared.members).toHaveLength(1);
  });

  it("names the leader where it does not lead", async () => {
    test.shared.leaderId = nodeId(7);
    expect(await update({ change: add(2) })).toMatchObject({
      success: false,
      errorCode: WireCode.NOT_LEADER,
      trailers: { "x-raft-leader": expect.stringContaining('"leader_id":7') },
    });
  });

  it("tells of an unknown outcome by the status, never as a refusal", async () => {
    test.node.refusal = new EngineError("OUTCOME_UNKNOWN", "who knows");
    const request = create(cluster.ClusterConfChangeRequestSchema, { change: add(2) });
    const bytes = toBinary(cluster.ClusterConfChangeRequestSchema, request);
    const { status } = await test.raw.unary(`${SERVICE}/UpdateClusterConf`, bytes);
    expect(status).toBe("DEADLINE_EXCEEDED");
  });
});
