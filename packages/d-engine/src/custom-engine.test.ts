import { nodeFileStorage } from "@d-engine/storage";
import { describe, expect, it } from "vitest";
import { EmbeddedEngine, EngineError, type LogIndex, type StateMachine } from "./index.js";
import { temporaryDirectory } from "./testing/engine-in.js";

class Counter implements StateMachine<number> {
  lastApplied = 0 as LogIndex;
  total = 0;

  validate(command: Uint8Array): void {
    if (command.length !== 1) throw new EngineError("INVALID_REQUEST", "one byte is wanted");
  }

  apply(index: LogIndex, command: Uint8Array): number {
    this.lastApplied = index;
    this.total += command[0] ?? 0;
    return this.total;
  }

  skip(index: LogIndex): void {
    this.lastApplied = index;
  }
}

describe("EmbeddedEngine.startCustom", () => {
  it("replicates the commands of a state machine of one's own, and replays them", async () => {
    const directory = temporaryDirectory();
    const start = (stateMachine: Counter) =>
      EmbeddedEngine.startCustom({
        storage: nodeFileStorage(directory, { segmentBytes: 65_536 }),
        stateMachine,
        config: { requestTimeoutMs: 10_000 },
      });
    const first = new Counter();
    {
      await using engine = await start(first);
      await engine.waitReady();
      expect(await engine.propose(Uint8Array.of(2))).toBe(2);
      expect(await engine.propose(Uint8Array.of(3))).toBe(5);
      expect(await engine.read(() => first.total)).toBe(5);
      await expect(engine.propose(Uint8Array.of(1, 2))).rejects.toMatchObject({
        code: "INVALID_REQUEST",
      });
    }
    const second = new Counter();
    await using engine = await start(second);
    await engine.waitReady();
    expect(await engine.read(() => second.total, { consistency: "linearizable" })).toBe(5);
  });
});
