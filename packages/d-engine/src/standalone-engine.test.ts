import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type EngineClient } from "@d-engine/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../server/test/free-port.js";
import { StandaloneEngine } from "./standalone-engine.js";

// Small, as each start fills one with zeros; still large enough for the largest value.
const segmentBytes = 4 * 1024 * 1024;

let dataDir: string;
let listen: string;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "standalone-"));
  listen = `127.0.0.1:${await freePort()}`;
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

describe("StandaloneEngine", () => {
  it("serves clients over the network and in the process from one store", async () => {
    await using server = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    await using remote = await connect([server.address]);
    await using local = server.engine.client();
    expect(await remote.put("k", "v")).toEqual({ revision: 1 });
    expect(await local.getString("k")).toBe("v");
    expect(await local.compareAndSwap("k", "v", "w")).toBe(true);
    expect(await remote.getString("k", { consistency: "lease" })).toBe("w");
    expect(await remote.scanPrefix("")).toEqual(await local.scanPrefix(""));
    expect(await remote.getLeaderId()).toBe(1);
  });

  it("finds everything acknowledged again, at another address", async () => {
    {
      await using server = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
      await using client = await connect([server.address]);
      await client.put("k", "v");
    }
    listen = `127.0.0.1:${await freePort()}`;
    await using server = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    await using client = await connect([server.address]);
    expect(await client.getString("k")).toBe("v");
    expect(await client.listMembers()).toMatchObject([{ id: 1, address: listen }]);
  });

  it.each<{ name: string; call: (client: EngineClient) => Promise<unknown> }>([
    { name: "an empty key", call: (client) => client.put("", "v") },
    { name: "an empty key, read", call: (client) => client.get("") },
    { name: "an oversized key", call: (client) => client.put("k".repeat(4097), "v") },
    { name: "an oversized value", call: (client) => client.put("k", "v".repeat(1024 * 1024 + 1)) },
    { name: "a time to live of 0", call: (client) => client.put("k", "v", { ttlMs: 0 }) },
    { name: "half a millisecond", call: (client) => client.put("k", "v", { ttlMs: 0.5 }) },
  ])("refuses $name with INVALID_REQUEST, the same to both clients", async ({ call }) => {
    await using server = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    await using remote = await connect([server.address]);
    const expected = { code: "INVALID_REQUEST", outcome: "rejected" };
    await expect(call(remote)).rejects.toMatchObject(expected);
    await expect(call(server.engine.client())).rejects.toMatchObject(expected);
    expect(await remote.put("k", "v")).toEqual({ revision: 1 });
  });

  it("deletes what was put with a time to live, whoever put it", async () => {
    await using server = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    await using remote = await connect([server.address]);
    const local = server.engine.client();
    const kinds: string[] = [];
    const watch = remote.watch({ prefix: "" });
    await remote.put("remote", "v", { ttlMs: 50 });
    await local.putWithTtl("local", "v", 1);
    for await (const { events } of watch) {
      kinds.push(...events.map(({ kind }) => kind));
      if (kinds.length === 4) break;
    }
    expect([...kinds].sort()).toEqual(["delete", "delete", "put", "put"]);
    expect(await local.getMulti(["remote", "local"])).toEqual([undefined, undefined]);
  });

  it("takes the largest key and value that are allowed", async () => {
    await using server = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    await using client = await connect([server.address]);
    const [key, value] = ["k".repeat(4096), "v".repeat(1024 * 1024)];
    await client.put(key, value);
    expect(await client.getString(key)).toBe(value);
  });

  it("closes once, however often it is asked, and frees port and directory", async () => {
    const server = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    await Promise.all([server.close(), server.stop()]);
    await server.close();
    expect(await server.closed).toBeUndefined();
    await using again = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    expect(again.address).toBe(listen);
  });

  it("is told of the directory first when directory and port are both taken", async () => {
    await using first = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    await expect(StandaloneEngine.start({ dataDir, segmentBytes, listen })).rejects.toMatchObject({
      code: "DATA_DIR_LOCKED",
    });
    expect(first.engine.state).toBe("running");
  });

  it("leaves the directory free when the port is busy", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => {
      blocker.listen(Number(listen.split(":")[1]), "127.0.0.1", resolve);
    });
    await expect(StandaloneEngine.start({ dataDir, segmentBytes, listen })).rejects.toMatchObject({
      code: "INVALID_ADDRESS",
      message: expect.stringContaining(listen),
    });
    await new Promise((resolve) => blocker.close(resolve));
    await using server = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    expect(server.address).toBe(listen);
  });

  it.each([{ listen: "nonsense" }, { advertise: "h:0" }])("refuses %j", async (bad) => {
    await expect(
      StandaloneEngine.start({ dataDir, segmentBytes, listen, ...bad }),
    ).rejects.toMatchObject({
      code: "INVALID_ADDRESS",
    });
  });

  it("tells clients the advertised address", async () => {
    const advertise = listen.replace("127.0.0.1", "localhost");
    await using server = await StandaloneEngine.start({
      dataDir,
      segmentBytes,
      listen,
      advertise,
    });
    await using client = await connect([server.address]);
    expect(await client.listMembers()).toMatchObject([{ address: advertise }]);
  });

  it("runs until its signal aborts", async () => {
    const abort = new AbortController();
    const running = StandaloneEngine.run({
      dataDir,
      segmentBytes,
      listen,
      signal: abort.signal,
    });
    const client = await connect([listen]);
    await client.put("k", "v");
    await client.close();
    abort.abort();
    await running;
    await using again = await StandaloneEngine.start({ dataDir, segmentBytes, listen });
    expect(again.engine.state).toBe("running");
  });
});
