import { crc32 } from "node:zlib";
import {
  type Clock,
  EngineError,
  LOG_ORIGIN,
  type LogIndex,
  type NodeIdentity,
  nodeId,
  type OpenedStorage,
} from "@d-engine/core";
import { MemoryStorage, nodeClock } from "@d-engine/storage";
import { expect, it } from "vitest";
import { MemorySnapshot, sampleFile } from "../peers/testing/memory-snapshots.js";
import { End, open } from "../peers/testing/transport-end.js";
import { beginsEmpty, pullFirstSnapshot } from "./first-snapshot.js";

const identity = (joinedAt: number): NodeIdentity => ({
  nodeId: nodeId(7),
  clusterId: "c".repeat(32),
  instanceId: "7".repeat(32),
  bootstrap: { logId: LOG_ORIGIN, members: [], outgoingVoters: undefined },
  joinedAt: joinedAt as LogIndex,
});

const opened = (joinedAt = 3): Promise<OpenedStorage> =>
  new MemoryStorage(nodeClock).open({ createIdentity: () => identity(joinedAt) });

/** Pauses take no time. */
const hastyClock: Clock = {
  ...nodeClock,
  nowMs: () => 0,
  setTimer: (_delayMs, run) => {
    const handle = setImmediate(run);
    return { cancel: () => clearImmediate(handle) };
  },
};

function pull(storage: OpenedStorage, endpoint: string, warned: string[] = []) {
  const say = () => undefined;
  const logger = { debug: say, info: say, warn: (line: string) => warned.push(line), error: say };
  return pullFirstSnapshot({ storage, endpoints: [endpoint], crc32, logger, clock: hastyClock });
}

async function leader(): Promise<string> {
  const end = new End(1);
  open.push(end);
  await end.listen({
    leadingTerm: () => 3 as never,
    leaderHint: () => undefined,
    openSnapshot: async () => new MemorySnapshot(sampleFile(1000)),
  });
  return end.address;
}

it("is for a node that was admitted and has nothing yet", async () => {
  expect(beginsEmpty(await opened())).toBe(true);
  expect(beginsEmpty(await opened(0))).toBe(false);
  const storage = await opened();
  expect(await pull(storage, await leader())).toBe(true);
  expect(beginsEmpty(storage)).toBe(false);
});

it("goes on without one when nobody has it to give, and says so", async () => {
  const warned: string[] = [];
  expect(await pull(await opened(), "127.0.0.1:1", warned)).toBe(false);
  expect(warned.at(-1)).toMatch(/^starting without a snapshot, the leader will send it: /);
});

it("does not go on over a disk that failed", async () => {
  const storage = await opened();
  storage.snapshots!.receive = async () => {
    throw new EngineError("STORAGE_IO_ERROR", "EIO");
  };
  await expect(pull(storage, await leader())).rejects.toMatchObject({ code: "STORAGE_IO_ERROR" });
});
