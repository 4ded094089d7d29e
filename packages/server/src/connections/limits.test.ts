import { connect as connectHttp2 } from "node:http2";
import { Metadata } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { RawClient } from "../../test/raw-client.js";
import { callHeaders, FRAME, frame, grpcFrame, RawSocket } from "../../test/raw-socket.js";
import { startTestServer, type TestServer } from "../../test/test-server.js";
import { silentLogger } from "../driver/logger.js";
import type { GrpcLimits } from "../grpc/index.js";
import { type NodePorts, nodePorts } from "./node-ports.js";
import { PORT_DEFAULTS } from "./port-settings.js";

const WRITE = "/d_engine.client.RaftClientService/HandleClientWrite";
const READ = "/d_engine.client.RaftClientService/HandleClientRead";
const HEALTH_WATCH = "/grpc.health.v1.Health/Watch";
const putKV = Buffer.from("12080a060a016b120176", "hex");
const readK = Buffer.from("12016b", "hex");

let test: TestServer | undefined;
let ports: NodePorts;
const lines: string[] = [];
const opened: { close(): void }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) one.close();
  await test?.[Symbol.asyncDispose]();
  test = undefined;
});

async function serve(limits: Partial<GrpcLimits>): Promise<TestServer> {
  lines.length = 0;
  const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) };
  ports = nodePorts({ ...PORT_DEFAULTS, ...limits }, logger, () => performance.now());
  test = await startTestServer({ limits, ports });
  return test;
}

async function rawSocket(): Promise<RawSocket> {
  const socket = await RawSocket.open(test?.server.address ?? "");
  opened.push(socket);
  return socket;
}

function ownClient(): RawClient {
  const client = new RawClient(test?.server.address ?? "");
  opened.push(client);
  return client;
}

describe("connections", () => {
  it("beyond connectionsMax are closed at once, counted and told of; those before go on", async () => {
    const { raw } = await serve({ connectionsMax: 2 });
    expect((await raw.unary(WRITE, putKV)).status).toBe("OK");
    const second = await rawSocket();
    second.greet();
    await expect.poll(() => ports.clients.metrics().open).toBe(2);
    const third = await rawSocket();
    await third.closed;
    expect(second.socket.destroyed).toBe(false);
    expect((await raw.unary(WRITE, putKV)).status).toBe("OK");
    expect(ports.clients.metrics()).toEqual({ open: 2, refused: 1, refusedOfAddress: 0 });
    expect(lines).toEqual([
      "2 connections are open (connectionsMax); that of 127.0.0.1 was closed",
    ]);
    second.close();
    await expect.poll(() => ports.clients.metrics().open).toBe(1);
    expect((await ownClient().unary(WRITE, putKV)).status).toBe("OK");
  });

  it("beyond connectionsPerAddressMax are closed, of that address alone", async () => {
    const { raw } = await serve({ connectionsPerAddressMax: 1 });
    expect((await raw.unary(WRITE, putKV)).status).toBe("OK");
    const second = await rawSocket();
    await second.closed;
    expect(ports.clients.metrics()).toEqual({ open: 1, refused: 0, refusedOfAddress: 1 });
    expect(lines[0]).toContain("127.0.0.1 has 1 connections open (connectionsPerAddressMax)");
  });

  it("that say nothing, or half of what they should, are closed after handshakeTimeoutMs", async () => {
    const { raw } = await serve({ handshakeTimeoutMs: 150 });
    const silent = await rawSocket();
    const half = await rawSocket();
    half.send(Buffer.from("PRI * HTTP/2.0\r\n", "latin1"));
    const impolite = await rawSocket();
    // It never takes note of the server's settings, and so of its bounds.
    impolite.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"));
    impolite.send(frame(FRAME.SETTINGS, 0, 0));
    const polite = await rawSocket();
    polite.greet();
    await Promise.all([silent.closed, half.closed, impolite.closed]);
    expect(ports.metrics.handshakes).toBe(3);
    expect(polite.socket.destroyed).toBe(false);
    expect((await raw.unary(WRITE, putKV)).status).toBe("OK");
  });

  it("without calls are closed after connectionIdleMs, and clients make another", async () => {
    const { raw } = await serve({ connectionIdleMs: 100 });
    expect((await raw.unary(WRITE, putKV)).status).toBe("OK");
    await expect.poll(() => ports.clients.metrics().open).toBe(0);
    expect((await raw.unary(WRITE, putKV)).status).toBe("OK");
  });

  it("whose other end does not answer are closed after keepaliveTimeoutMs", async () => {
    await serve({ keepaliveIntervalMs: 50, keepaliveTimeoutMs: 100 });
    const dead = await rawSocket();
    dead.greet();
    await dead.closed;
    expect(ports.clients.metrics().open).toBe(0);
  });

  it("are all gone, those that said nothing too, when the port has closed", async () => {
    const { server } = await serve({});
    const silent = await rawSocket();
    await expect.poll(() => ports.clients.metrics().open).toBe(1);
    const since = performance.now();
    await server.close();
    await silent.closed;
    expect(performance.now() - since).toBeLessThan(400);
  });
});

describe("calls of one connection", () => {
  it("beyond callsPerConnectionMax wait at a client, and who does not wait loses its connection", async () => {
    const { node, raw } = await serve({ callsPerConnectionMax: 4 });
    node.hangs = true;
    const calls = Array.from({ length: 5 }, () => raw.unary(READ, readK, 400));
    await expect.poll(() => node.seen.length).toBe(4);
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(
      Array.from({ length: 5 }, () => "DEADLINE_EXCEEDED"),
    );
    expect(node.seen).toHaveLength(4);
    const rude = await rawSocket();
    rude.greet();
    for (const stream of [1, 3, 5, 7, 9]) {
      rude.send(frame(FRAME.HEADERS, 4, stream, callHeaders(READ)));
    }
    await rude.closed;
    node.hangs = false;
    expect((await raw.unary(READ, readK)).status).toBe("OK");
  });

  it("with headers beyond headerBytesMax are refused, and the next is served", async () => {
    const { raw } = await serve({ headerBytesMax: 8_192 });
    const metadata = new Metadata();
    metadata.set("authorization", "x".repeat(8_192));
    const answer = await raw.unary(WRITE, putKV, 5_000, metadata);
    expect(answer.status).toBe("RESOURCE_EXHAUSTED");
    expect(test?.node.seen).toHaveLength(0);
    metadata.set("authorization", "x".repeat(7_000));
    expect((await raw.unary(WRITE, putKV, 5_000, metadata)).status).toBe("OK");
  });

  it("whose request does not come to its end are given up after slowRequestMs", async () => {
    const { raw } = await serve({ slowRequestMs: 150 });
    const slow = await rawSocket();
    slow.greet();
    slow.send(frame(FRAME.HEADERS, 4, 1, callHeaders(WRITE)));
    slow.send(frame(FRAME.DATA, 0, 1, grpcFrame(putKV.subarray(0, 4), 0, putKV.length)));
    // ENHANCE_YOUR_CALM: nothing was done.
    const ended = frame(FRAME.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 0x0b]));
    await expect.poll(() => slow.received.includes(ended)).toBe(true);
    expect(ports.metrics.slowRequests).toBe(1);
    expect(test?.node.seen).toHaveLength(0);
    expect((await raw.unary(WRITE, putKV)).status).toBe("OK");
    const watch = raw.stream(HEALTH_WATCH, Buffer.alloc(0));
    expect(await watch.next()).toBeInstanceOf(Buffer);
    watch.cancel();
  });
});

describe("readers", () => {
  const largeValue = Buffer.alloc(1024 * 1024, 1);

  it("that take nothing lose their answer after slowReaderMs, others none of theirs", async () => {
    const { shared, raw } = await serve({ slowReaderMs: 200 });
    shared.data.set("k", largeValue);
    const slow = await rawSocket();
    slow.greet();
    slow.send(frame(FRAME.HEADERS, 4, 1, callHeaders(READ)));
    slow.send(frame(FRAME.DATA, 1, 1, grpcFrame(readK)));
    // The window of 64 KiB is never made larger. CANCEL: what became of the call it cannot know.
    const ended = frame(FRAME.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8]));
    await expect.poll(() => slow.received.includes(ended), { timeout: 5_000 }).toBe(true);
    expect(ports.metrics.slowReaders).toBe(1);
    expect((await raw.unary(READ, readK)).body?.length).toBeGreaterThan(largeValue.length);
  });

  it("get no answers beyond unsentBytesMax while they do not read", async () => {
    const { shared, raw } = await serve({ unsentBytesMax: 3 * 1024 * 1024 });
    shared.data.set("k", largeValue);
    const slow = await rawSocket();
    slow.greet();
    for (const stream of [1, 3, 5, 7]) {
      slow.send(frame(FRAME.HEADERS, 4, stream, callHeaders(READ)));
      slow.send(frame(FRAME.DATA, 1, stream, grpcFrame(readK)));
    }
    await expect.poll(() => ports.metrics.unreadAnswers).toBe(2);
    expect((await raw.unary(READ, readK)).status).toBe("OK");
  });
});

describe("pings", () => {
  it("beyond idlePingsMax end a connection that does nothing else", async () => {
    const { raw } = await serve({ idlePingsMax: 20, slowReaderMs: 50 });
    const flood = await rawSocket();
    flood.greet();
    const ping = frame(FRAME.PING, 0, 0, Buffer.alloc(8));
    const pong = frame(FRAME.PING, 1, 0, Buffer.alloc(8));
    let pings = 0;
    while (!flood.socket.destroyed) {
      flood.send(ping);
      pings += 1;
      await Promise.race([flood.next(pong), flood.closed]);
    }
    expect(pings).toBeGreaterThan(20);
    expect(flood.received.includes("too_many_pings")).toBe(true);
    expect(ports.metrics.pingFloods).toBe(1);
    expect((await raw.unary(WRITE, putKV)).status).toBe("OK");
  });

  it("are for free while the connection is answered", async () => {
    await serve({ idlePingsMax: 20, slowReaderMs: 50 });
    const session = connectHttp2(`http://${test?.server.address}`);
    session.on("error", () => undefined);
    opened.push({ close: () => session.destroy() });
    const client = ownClient();
    expect((await client.unary(WRITE, putKV)).status).toBe("OK");
    const until = performance.now() + 250; // several looks at the connection
    for (let round = 0; round < 40 || performance.now() < until; round += 1) {
      const answered = new Promise((resolve) => {
        const call = session.request({
          ":method": "POST",
          ":path": WRITE,
          "content-type": "application/grpc",
          te: "trailers",
        });
        call.on("close", resolve).resume();
        call.end(grpcFrame(putKV));
      });
      await new Promise((resolve) => session.ping(resolve));
      await answered;
    }
    expect(ports.metrics.pingFloods).toBe(0);
  });
});
