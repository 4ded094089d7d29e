import { crc32 } from "node:zlib";
import { nodeId } from "@d-engine/core";
import { inspectSnapshot, pullSnapshot, silentLogger } from "@d-engine/server";
import { MemoryStorage, nodeClock } from "@d-engine/storage";
import { expect, it } from "vitest";
import { freePort } from "../../server/test/free-port.js";
import { readyEngine } from "./testing/engine-in.js";

it("pullSnapshot takes the state of a real leader into the store of a node that is to join", async () => {
  const endpoint = `127.0.0.1:${await freePort()}`;
  const engine = await readyEngine({ listen: endpoint });
  await engine.client().put("k", "v");
  const { clusterId } = engine.identity;
  const opened = await new MemoryStorage(nodeClock).open({ createIdentity: () => engine.identity });
  const label = await pullSnapshot({
    endpoints: [endpoint],
    identity: { clusterId, nodeId: nodeId(2), instanceId: "2".repeat(32), featureLevel: 1 },
    snapshots: opened.snapshots!,
    crc32,
    logger: silentLogger,
  });
  const file = await opened.snapshots!.open(label!.lastIncluded);
  expect((await inspectSnapshot(file.pieces(1000))).store).toMatchObject({ revision: 1, keys: 1 });
  await file.close();
  await opened.close();
});
