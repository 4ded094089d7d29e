import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../test/test-server.js";

const CHECK = "/grpc.health.v1.Health/Check";
const WATCH = "/grpc.health.v1.Health/Watch";
const serving = Buffer.of(0x08, 1);
const notServing = Buffer.of(0x08, 2);
const serviceUnknown = Buffer.of(0x08, 3);

let test: TestServer;
beforeEach(async () => {
  test = await startTestServer();
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  expect(test.bugs).toEqual([]);
});

describe("Health.Check", () => {
  it.each([
    { service: "", needsLeader: true },
    { service: "d_engine.client.RaftClientService", needsLeader: true },
    { service: "d_engine.server.cluster.ClusterManagementService", needsLeader: false },
    { service: "grpc.health.v1.Health", needsLeader: false },
  ])('says of "$service" what is true', async ({ service, needsLeader }) => {
    expect((await test.raw.unary(CHECK, request(service))).body).toEqual(serving);
    test.shared.leaderId = undefined;
    expect((await test.raw.unary(CHECK, request(service))).body).toEqual(
      needsLeader ? notServing : serving,
    );
    test.node.stopped = true;
    expect((await test.raw.unary(CHECK, request(service))).body).toEqual(notServing);
  });

  it("is NOT_FOUND for a service of somebody else", async () => {
    expect((await test.raw.unary(CHECK, request("etcdserverpb.KV"))).status).toBe("NOT_FOUND");
  });

  it("refuses malformed bytes", async () => {
    expect((await test.raw.unary(CHECK, Buffer.of(0x0a, 9))).status).toBe("INVALID_ARGUMENT");
  });
});

describe("Health.Watch", () => {
  it("sends the status at once and on every change, and ends when the node closes", async () => {
    const stream = test.raw.stream(WATCH, request(""));
    expect(await stream.next()).toEqual(serving);
    test.node.ready = false;
    expect(await stream.next()).toEqual(notServing);
    test.node.ready = true;
    expect(await stream.next()).toEqual(serving);
    await test.server.close();
    expect(await stream.next()).toBe("UNAVAILABLE");
  });

  it("sends SERVICE_UNKNOWN for a service of somebody else and stays open", async () => {
    const stream = test.raw.stream(WATCH, request("nobody"));
    expect(await stream.next()).toEqual(serviceUnknown);
    stream.cancel();
    expect(await stream.next()).toBe("CANCELLED");
  });

  it("refuses streams beyond its bound, and has room again when one is canceled", async () => {
    await test[Symbol.asyncDispose]();
    test = await startTestServer({ limits: { streamsMax: 1 } });
    const first = test.raw.stream(WATCH, request(""));
    expect(await first.next()).toEqual(serving);
    expect(await test.raw.stream(WATCH, request("")).next()).toBe("RESOURCE_EXHAUSTED");
    first.cancel();
    expect(await first.next()).toBe("CANCELLED");
    // The server hears of the cancellation a moment after the client does.
    await expect
      .poll(() => test.raw.stream(WATCH, request("")).next(), { timeout: 5_000 })
      .toEqual(serving);
  });
});

function request(service: string): Buffer {
  return Buffer.concat([Buffer.of(0x0a, service.length), Buffer.from(service)]);
}
