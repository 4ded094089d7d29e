import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EmbeddedEngine } from "./embedded-engine.js";
import { isEngineError } from "./index.js";
import { engineIn, readyEngine, temporaryDirectory } from "./testing/engine-in.js";

describe("EmbeddedEngine.start", () => {
  it("makes a cluster of one voter, with random ids, in a fresh directory (R13)", async () => {
    const [first, second] = [await readyEngine(), await readyEngine()];
    expect(await first.waitReady()).toEqual({ leaderId: 1, term: 1 });
    expect(first.isLeader).toBe(true);
    for (const id of ["clusterId", "instanceId"] as const) {
      expect(first.identity[id]).toMatch(/^[0-9a-f]{32}$/);
      expect(first.identity[id]).not.toBe(second.identity[id]);
    }
    expect(await first.client().listMembers()).toEqual([
      { id: 1, address: "127.0.0.1:9081", status: "active", role: "leader" },
    ]);
  });

  it("finds data and identity again after a close, and says how far it is", async () => {
    const dataDir = temporaryDirectory();
    const first = await engineIn(dataDir);
    await first.waitReady();
    await first.client().put("k", "v");
    const { identity } = first;
    await first.close();
    const phases = new Set<string>();
    const second = await engineIn(dataDir, { onProgress: ({ phase }) => phases.add(phase) });
    expect(second.identity).toEqual(identity);
    expect(second.client().getLocal("k")).toEqual(new Uint8Array([118]));
    expect([...phases]).toContain("replay");
  });

  it("refuses a directory that another engine has", async () => {
    const dataDir = temporaryDirectory();
    const first = await engineIn(dataDir);
    await expect(engineIn(dataDir)).rejects.toMatchObject({ code: "DATA_DIR_LOCKED" });
    await first.close();
    await expect(engineIn(dataDir)).resolves.toBeDefined();
  });

  it("refuses a log whose middle is not what was written (scenario 53)", async () => {
    const dataDir = temporaryDirectory();
    const first = await engineIn(dataDir);
    await first.waitReady();
    const client = first.client();
    for (let at = 0; at < 20; at += 1) await client.put(`k${at}`, "value");
    await first.close();
    flipByteOf(dataDir, "value");
    const error: unknown = await engineIn(dataDir).catch((reason: unknown) => reason);
    expect(isEngineError(error, "DATA_CORRUPTION")).toBe(true);
    expect(String(error)).toMatch(/damaged at byte \d+/);
  });

  it.each([
    { name: "an empty data directory name", config: { dataDir: "" } },
    { name: "an unknown setting", config: { dataDir: "x", colour: 1 } as { dataDir: string } },
    { name: "a setting out of range", config: { dataDir: "x", requestTimeoutMs: -1 } },
  ])("refuses $name with INVALID_REQUEST", async ({ config }) => {
    await expect(EmbeddedEngine.start(config)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  it("ends with the reason of an abort, and leaves the directory free", async () => {
    const dataDir = temporaryDirectory();
    const abort = new AbortController();
    const start = engineIn(dataDir, { signal: abort.signal });
    abort.abort("changed my mind");
    await expect(start).rejects.toBe("changed my mind");
    await expect(engineIn(dataDir)).resolves.toBeDefined();
  });
});

describe("EmbeddedEngine.waitReady", () => {
  it("rejects with CLOSED when the engine closes meanwhile, and afterwards", async () => {
    const engine = await engineIn(temporaryDirectory());
    const waiting = engine.waitReady();
    const closing = engine.close();
    const [outcome] = await Promise.allSettled([waiting, closing]);
    // Either may come first: the election of a lone voter takes one sync.
    if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "CLOSED" });
    else expect(outcome.value).toMatchObject({ leaderId: 1 });
    await expect(engine.waitReady()).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("EmbeddedEngine lifecycle", () => {
  it("closes at the end of its scope", async () => {
    let outer: EmbeddedEngine;
    {
      await using engine = await readyEngine();
      outer = engine;
      await engine.client().put("k", "v");
    }
    expect(outer.state).toBe("closed");
    expect(await outer.closed).toBeUndefined();
    expect(outer.leaderInfo).toBeUndefined();
  });

  it("may be closed twice, and by stop", async () => {
    const engine = await readyEngine();
    await engine.close();
    await engine.stop();
    await engine[Symbol.asyncDispose]();
    expect(engine.state).toBe("closed");
  });

  it("may be closed while it closes, and finishes what it accepted", async () => {
    const engine = await readyEngine();
    const writes = Array.from({ length: 50 }, (_, at) => engine.client().put(`k${at}`, "v"));
    await Promise.all([engine.close(), engine.close(), engine.close()]);
    const settled = await Promise.allSettled(writes);
    expect(settled.every(({ status }) => status === "fulfilled")).toBe(true);
    await expect(engine.client().put("late", "v")).rejects.toMatchObject({ code: "CLOSED" });
    expect(() => engine.client().getLocal("k1")).toThrow(
      expect.objectContaining({ code: "CLOSED" }),
    );
  });
});

/** Flips one bit in the middle of the first place where `text` stands in the log. */
function flipByteOf(dataDir: string, text: string): void {
  const [name] = readdirSync(join(dataDir, "log")).sort();
  const path = join(dataDir, "log", name ?? "");
  const bytes = readFileSync(path);
  const at = bytes.indexOf(text);
  if (at < 0) throw new Error(`${path} does not hold ${text}`);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
