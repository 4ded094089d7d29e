import { once } from "node:events";
import { createServer } from "node:net";
import type { EngineError } from "@d-engine/core";
import { client, fromBinary } from "@d-engine/proto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../test/free-port.js";
import { MapNode, sharedState } from "../../test/map-node.js";
import { RawClient } from "../../test/raw-client.js";
import { startTestServer, type TestServer } from "../../test/test-server.js";
import { startGrpcServer } from "./index.js";

const WRITE = "/d_engine.client.RaftClientService/HandleClientWrite";
const READ = "/d_engine.client.RaftClientService/HandleClientRead";
const putKV = Buffer.from("12080a060a016b120176", "hex");
const readK = Buffer.from("12016b", "hex");

let test: TestServer;
beforeEach(async () => {
  test = await startTestServer();
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
});

describe("startGrpcServer", () => {
  it("says of a busy port which it is and what to do", async () => {
    const blocker = createServer();
    const port = await freePort();
    blocker.listen(port, "127.0.0.1");
    await once(blocker, "listening");
    const attempt = startTestServer({ listen: `127.0.0.1:${port}` });
    await expect(attempt).rejects.toMatchObject({
      code: "INVALID_ADDRESS",
      message: `cannot listen on 127.0.0.1:${port}: another process listens there; stop it, or choose another port`,
    });
    blocker.close();
  });

  it.each(["", "localhost", "host:70000", "https://h:1", "a b:1"])(
    'refuses to listen on "%s"',
    async (listen) => {
      const node = new MapNode(1, sharedState([]));
      await expect(startGrpcServer({ node, listen })).rejects.toMatchObject({
        code: "INVALID_ADDRESS",
      });
    },
  );

  it("tells the port that the system chose for port 0", async () => {
    const node = new MapNode(1, sharedState([]));
    await using server = await startGrpcServer({ node, listen: "127.0.0.1:0" });
    expect(server.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
  });
});

describe("a call's deadline and cancellation", () => {
  it("reach the node as time left and as an aborted signal", async () => {
    test.node.hangs = true;
    const answer = await test.raw.unary(READ, readK, 200);
    expect(answer.status).toBe("DEADLINE_EXCEEDED");
    const options = test.node.seen[0]?.options;
    expect(options?.timeoutMs).toBeGreaterThan(0);
    expect(options?.timeoutMs).toBeLessThanOrEqual(200);
    await expect.poll(() => options?.signal?.aborted).toBe(true);
    expect(options?.signal?.reason).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  });

  it("leave the signal alone when the call ends well", async () => {
    await test.raw.unary(WRITE, putKV);
    expect(test.node.seen[0]?.options.signal?.aborted).toBe(false);
  });
});

describe("hostile and broken clients (scenario 78)", () => {
  it("refuses a message beyond 4 MiB and serves on", async () => {
    const answer = await test.raw.unary(WRITE, Buffer.alloc(4 * 1024 * 1024 + 1));
    expect(answer.status).toBe("RESOURCE_EXHAUSTED");
    expect((await test.raw.unary(WRITE, putKV)).status).toBe("OK");
  });

  it("refuses a method that does not exist", async () => {
    const answer = await test.raw.unary("/d_engine.client.RaftClientService/Nothing", putKV);
    expect(answer.status).toBe("UNIMPLEMENTED");
  });

  it("takes gzip requests", async () => {
    const raw = new RawClient(test.server.address, { "grpc.default_compression_algorithm": 2 });
    const answer = await raw.unary(WRITE, putKV);
    raw.close();
    expect(answer.status).toBe("OK");
    expect(fromBinary(client.ClientResponseSchema, answer.body ?? Buffer.of()).error).toBe(0);
    expect(test.shared.data.get("k")).toEqual(Uint8Array.of(0x76));
  });

  it("keeps its own bugs to itself: INTERNAL, told to the node, nothing to the caller", async () => {
    test.node.refusal = new TypeError("secret") as unknown as EngineError;
    const answer = await test.raw.unary(WRITE, putKV);
    expect(answer).toMatchObject({
      status: "INTERNAL",
      details: expect.not.stringMatching("secret"),
    });
    expect(test.bugs).toEqual([expect.objectContaining({ message: "secret" })]);
  });
});

describe("GrpcServer.close", () => {
  it("lets calls under way finish and takes no new ones", async () => {
    const held = hold(test.node);
    const call = test.raw.unary(WRITE, putKV);
    await held.entered;
    const closing = test.server.close();
    held.release();
    expect((await call).status).toBe("OK");
    await closing;
    expect((await test.raw.unary(WRITE, putKV, 500)).status).not.toBe("OK");
  });

  it("breaks what is left when the drain time is over", async () => {
    test.node.hangs = true;
    const call = test.raw.unary(WRITE, putKV);
    await expect.poll(() => test.node.seen.length).toBe(1);
    await test.server.close();
    expect((await call).status).not.toBe("OK");
  });

  it("is idempotent, also while closing, and frees the port", async () => {
    await Promise.all([test.server.close(), test.server.close()]);
    await test.server.close();
    await using again = await startTestServer({ listen: test.server.address });
    expect(again.server.address).toBe(test.server.address);
  });
});

/** Makes the node's next write wait for `release`. */
function hold(node: MapNode): { readonly entered: Promise<void>; release(): void } {
  const gate = deferred();
  const entered = deferred();
  const write = node.write.bind(node);
  node.write = async (...args) => {
    entered.resolve();
    await gate.promise;
    return await write(...args);
  };
  return { entered: entered.promise, release: gate.resolve };
}

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
