import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  connect,
  type EngineClient,
  type TransportCallOptions,
  type TransportMethod,
  type TransportRequestOf,
  type TransportStreamKind,
  type TransportStreamOptions,
  type TransportStreamRequestOf,
} from "@d-engine/client";
import {
  elect,
  type Leadership,
  observe,
  runAsLeader,
  semaphore,
  tryLock,
  withLock,
} from "@d-engine/coordination";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectOver } from "../../client/src/connect.js";
import { resolveConnectOptions } from "../../client/src/connect-options.js";
import { GrpcTransport } from "../../client/src/grpc-transport.js";
import { systemClock, systemRandom } from "../../client/src/internal/system-clock.js";
import { freePort } from "../../server/test/free-port.js";
import { EmbeddedEngine } from "../src/index.js";

/** Recipes over a real node, its disk and its connections, in the process and from outside. */

let dataDir: string;
let address: string;
let engine: EmbeddedEngine;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "d-engine-"));
  address = `127.0.0.1:${await freePort()}`;
  engine = await EmbeddedEngine.start({ dataDir, listen: address, segmentBytes: 4 * 1024 * 1024 });
  await engine.waitReady({ timeoutMs: 20_000 });
});

afterAll(async () => {
  await engine.close();
  rmSync(dataDir, { recursive: true });
});

const kinds: { readonly name: string; readonly make: () => Promise<EngineClient> }[] = [
  { name: "embedded", make: async () => engine.client() },
  { name: "connected", make: () => connect([address]) },
];

describe.each(kinds)("recipes over a client that is $name", ({ name, make }) => {
  let client: EngineClient;
  let other: EngineClient;
  beforeAll(async () => {
    client = await make();
    other = await connect([address]);
  });
  afterAll(async () => {
    await client.close();
    await other.close();
  });

  it("let one at a time have a lock, with growing tokens, and count right", async () => {
    const key = `${name}/counter`;
    const tokens: number[] = [];
    const add = (by: EngineClient) =>
      withLock(by, `${name}/counting`, async (lock) => {
        tokens.push(lock.token);
        const before = Number((await by.getString(key)) ?? "0");
        await lock.put(key, String(before + 1));
      });
    await Promise.all(Array.from({ length: 20 }, (_, at) => add(at % 2 === 0 ? client : other)));
    expect(await client.getString(key)).toBe("20");
    expect(tokens).toEqual([...tokens].sort((one, next) => one - next));
    expect(new Set(tokens).size).toBe(20);
  });

  it("refuse a lock that somebody has, and the writes of who has lost it", async () => {
    const first = await tryLock(client, `${name}/x`);
    expect(await tryLock(other, `${name}/x`)).toBeUndefined();
    // As when its lease has ended without its knowing.
    const held = await other.range({ prefix: "_coordination/lock/" }, { keysOnly: true });
    for (const { key } of held.entries) await other.delete(key);
    await using next = await tryLock(other, `${name}/x`);
    expect(next?.token).toBeGreaterThan(first!.token);
    await expect(first!.put(`${name}/fenced`, "stale")).rejects.toMatchObject({
      code: "LOCK_LOST",
    });
    expect([first!.isHeld, first!.signal.aborted]).toEqual([false, true]);
    await next!.put(`${name}/fenced`, "fresh");
    expect(await client.getString(`${name}/fenced`)).toBe("fresh");
    await first!.release();
  });

  it("hold a semaphore to its limit, and to one limit", async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await client.put(`${name}/work`, "");
      inside -= 1;
    };
    const permits = [client, other].map((by) => semaphore(by, `${name}/three`, 3));
    await Promise.all(Array.from({ length: 18 }, (_, at) => permits[at % 2]!.withPermit(work)));
    expect([inside, most]).toEqual([0, 3]);
    await using permit = await permits[0]!.tryAcquire();
    expect(permit?.isHeld).toBe(true);
    const wrong = semaphore(other, `${name}/three`, 4).tryAcquire();
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  it("elect one after the other, and tell who observes", async () => {
    const election = `${name}/leader`;
    const leaders = observe(other, election);
    const told = async () => {
      const { value: leader } = await leaders.next();
      return leader && Buffer.from(leader.value).toString();
    };
    expect(await told()).toBeUndefined();
    const first = await elect(client, election, { value: "one" });
    expect(await told()).toBe("one");
    const second = elect(other, election, { value: "two" });
    await first.proclaim("one, port 2");
    expect(await told()).toBe("one, port 2");
    await first.resign();
    await using next = await second;
    expect(next.token).toBeGreaterThan(first.token);
    expect(await told()).toBe("two");
    await leaders.return?.();
  });

  it("run work at one of two, and at the other when that is closed", async () => {
    const election = `${name}/work`;
    const [leaving, staying] = [await make(), other];
    const led = (by: EngineClient, signal?: AbortSignal) => {
      let began: (leadership: Leadership) => void;
      const leadership = new Promise<Leadership>((resolve) => {
        began = resolve;
      });
      const ended = runAsLeader(
        by,
        election,
        (held) => {
          began(held);
          return new Promise<string>((resolve) => {
            held.signal.addEventListener("abort", () => resolve("told"), { once: true });
          });
        },
        signal === undefined ? { ttlMs: 1_000 } : { signal },
      );
      return { leadership, ended };
    };
    const one = led(leaving);
    const first = await one.leadership;
    const shutdown = new AbortController();
    const two = led(staying, shutdown.signal);
    await leaving.close();
    await expect(one.ended).rejects.toMatchObject({ code: "CLOSED" });
    expect([first.isHeld, first.signal.aborted]).toEqual([false, true]);
    const second = await two.leadership;
    expect(second.token).toBeGreaterThan(first.token);
    shutdown.abort();
    expect(await two.ended).toBe("told");
  });
});

/** Counts what goes to the node and back. */
class CountingTransport extends GrpcTransport {
  readonly calls: string[] = [];

  override call<Method extends TransportMethod>(
    address: string,
    request: TransportRequestOf<Method>,
    options: TransportCallOptions,
  ) {
    this.calls.push(request.kind);
    return super.call<Method>(address, request, options);
  }

  override open<Kind extends TransportStreamKind>(
    address: string,
    request: TransportStreamRequestOf<Kind>,
    options: TransportStreamOptions,
  ) {
    this.calls.push(`stream: ${request.kind}`);
    return super.open<Kind>(address, request, options);
  }
}

it("takes and gives up an uncontended lock in two round trips, two writes", async () => {
  const transport = new CountingTransport(resolveConnectOptions([address], {}));
  const ports = { transport, clock: systemClock, random: systemRandom };
  await using client = await connectOver(ports, [address]);
  await withLock(client, "first", () => undefined); // gets the lease
  const { revision: before } = await client.put("before", "");
  transport.calls.length = 0;
  await withLock(client, "second", () => undefined);
  expect(transport.calls).toEqual(["write", "write"]);
  const { revision: after } = await client.put("after", "");
  expect(after - before).toBe(3);
});
