import { nodeId } from "@d-engine/core";
import { expect, it } from "vitest";
import { sharedState } from "../../server/test/map-node.js";
import { startTestServer } from "../../server/test/test-server.js";
import { connectAdmin } from "../src/index.js";

it("lists the members as the leader has them, whoever was asked first", async () => {
  await using leading = await startTestServer();
  await using behind = await startTestServer();
  const leader = leading.server.address;
  const follower = behind.server.address;
  // Each names itself node 1. The follower has not applied the newest change of the members yet.
  const three = sharedState([leader, follower, "10.0.0.3:9081"]);
  Object.assign(leading.shared, three, { configurationIndex: 9 });
  const two = sharedState([follower, leader]);
  Object.assign(behind.shared, two, { configurationIndex: 7, leaderId: nodeId(2) });
  await using admin = connectAdmin([follower]);
  expect(await admin.members()).toMatchObject({ version: 9, members: { length: 3 } });
  // Without a leader whoever answers is better than nobody.
  behind.shared.leaderId = undefined;
  await using alone = connectAdmin([follower]);
  expect(await alone.members()).toMatchObject({ version: 7, leaderId: undefined });
});
