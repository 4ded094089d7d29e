import { nodeId } from "@d-engine/core";
import { cluster, common, fromBinary } from "@d-engine/proto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../test/free-port.js";
import { RawClient } from "../../test/raw-client.js";
import { startTestServer, type TestServer } from "../../test/test-server.js";

const METADATA = "/d_engine.server.cluster.ClusterManagementService/GetClusterMetadata";
const DISCOVER = "/d_engine.server.cluster.ClusterManagementService/DiscoverLeader";

let test: TestServer;
beforeEach(async () => {
  test = await startTestServer();
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  expect(test.bugs).toEqual([]);
});

describe("GetClusterMetadata", () => {
  it("names members with address, role and status, and the leader among them", async () => {
    test.shared.members = [
      ...test.shared.members,
      { id: nodeId(2), address: "10.0.0.2:9081", status: "active" },
      { id: nodeId(3), address: "10.0.0.3:9081", status: "readOnly" },
    ];
    expect(await metadata()).toMatchObject({
      version: 1n,
      currentLeaderId: 1,
      nodes: [
        { id: 1, address: test.server.address, role: common.NodeRole.LEADER, status: 3 },
        { id: 2, address: "10.0.0.2:9081", role: common.NodeRole.FOLLOWER, status: 3 },
        { id: 3, address: "10.0.0.3:9081", role: common.NodeRole.LEARNER, status: 2 },
      ],
    });
  });

  it.each([
    {
      name: "nobody leads",
      arrange: () => {
        test.shared.leaderId = undefined;
      },
    },
    {
      name: "this node leads but cannot serve yet",
      arrange: () => {
        test.node.ready = false;
      },
    },
    {
      name: "the leader is not a member",
      arrange: () => {
        test.shared.leaderId = nodeId(8);
      },
    },
  ])("leaves the leader out while $name", async ({ arrange }) => {
    arrange();
    const { currentLeaderId, nodes } = await metadata();
    expect(currentLeaderId).toBeUndefined();
    expect(nodes).toHaveLength(1);
  });

  it("tells the address that the node listens at, whatever an older configuration says", async () => {
    test.shared.members = [{ id: nodeId(1), address: "127.0.0.1:1", status: "active" }];
    expect((await metadata()).nodes[0]?.address).toBe(test.server.address);
  });

  it("tells the advertised address where one is given", async () => {
    await test[Symbol.asyncDispose]();
    test = await startTestServer({ advertise: "Node-1.example:9081" });
    expect((await metadata()).nodes[0]?.address).toBe("node-1.example:9081");
  });

  it("tells what the client dialed when it listens on every address", async () => {
    await test[Symbol.asyncDispose]();
    const port = await freePort();
    test = await startTestServer({ listen: `0.0.0.0:${port}` });
    expect(test.server.address).toBe(`0.0.0.0:${port}`);
    expect((await metadata()).nodes[0]?.address).toBe(`127.0.0.1:${port}`);
  });
});

describe("DiscoverLeader", () => {
  it("names leader, address and term", async () => {
    const { body } = await test.raw.unary(DISCOVER, Buffer.of());
    expect(fromBinary(cluster.LeaderDiscoveryResponseSchema, body ?? Buffer.of())).toMatchObject({
      leaderId: 1,
      leaderAddress: test.server.address,
      term: 3n,
    });
  });

  it("is UNAVAILABLE while nobody leads", async () => {
    test.shared.leaderId = undefined;
    expect((await test.raw.unary(DISCOVER, Buffer.of())).status).toBe("UNAVAILABLE");
  });
});

async function metadata(): Promise<cluster.ClusterMembership> {
  const raw = new RawClient(test.server.address.replace("0.0.0.0", "127.0.0.1"));
  const { status, body } = await raw.unary(METADATA, Buffer.of());
  raw.close();
  expect(status).toBe("OK");
  return fromBinary(cluster.ClusterMembershipSchema, body ?? Buffer.of());
}
