import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodePut, Slab } from "../../codec/src/index.js";
import { freePort } from "../../server/test/free-port.js";
import { engineIn, readyEngine, temporaryDirectory } from "./testing/engine-in.js";

describe("A time to live", () => {
  it("can be given to the first write of a node, and ends it", async () => {
    const client = (await readyEngine()).client();
    await client.put("k", "v", { ttlMs: 300 });
    expect(await client.getString("k")).toBe("v");
    await expect.poll(() => client.getString("k"), { timeout: 5_000 }).toBeUndefined();
  });

  it("waits in a new cluster for all members to be met, and then needs them no more (R14)", async () => {
    const base = temporaryDirectory();
    const ports = [await freePort(), await freePort(), await freePort()];
    const initialCluster = ports.map((port, at) => `${at + 1}=127.0.0.1:${port}`).join(",");
    const start = (id: number) =>
      engineIn(join(base, `${id}`), {
        nodeId: id,
        listen: `127.0.0.1:${ports[id - 1]}`,
        initialCluster,
        electionTimeoutMs: 300,
        heartbeatIntervalMs: 50,
      });
    const engines = await Promise.all([start(1), start(2)]);
    const { leaderId } = await engines[0].waitReady();
    const leader = engines[leaderId === 1 ? 0 : 1];
    const client = leader.client();
    await client.put("plain", "v");
    // Asked itself: a client would ask others too, and tell of the last.
    const early = leader.localNode.write(encodePut(new Slab(), bytes("k"), bytes("v"), 60_000));
    await expect(early).rejects.toThrow("has not met node 3");
    const third = await start(3);
    const written = () =>
      client.put("k", "v", { ttlMs: 60_000 }).then(
        () => true,
        () => false,
      );
    await expect.poll(written, { timeout: 10_000 }).toBe(true);
    await third.close();
    expect(await written()).toBe(true);
  });
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
