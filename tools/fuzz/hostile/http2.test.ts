import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { connect } from "@d-engine/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEngine } from "../../../packages/d-engine/src/embedded-engine.js";
import { freePort } from "../../../packages/server/test/free-port.js";
import {
  callHeaders,
  FRAME,
  frame,
  grpcFrame,
  PREFACE,
  RawSocket,
} from "../../../packages/server/test/raw-socket.js";
import { Prng } from "../prng.js";
import { bytesInUse, openSockets } from "./footprint.js";
import { GoodClient } from "./good-client.js";

const WRITE = "/d_engine.client.RaftClientService/HandleClientWrite";
const READ = "/d_engine.client.RaftClientService/HandleClientRead";
const WATCH = "/d_engine.client.RaftClientService/Watch";
const putKV = Buffer.from("12080a060a016b120176", "hex");
const readK = Buffer.from("12016b", "hex");
const MiB = 1024 * 1024;

let directory: string;
let engine: EmbeddedEngine;
let address: string;
let good: GoodClient;
let bytesBefore: number;
let socketsBefore: number;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "hostile-"));
  engine = await EmbeddedEngine.start({
    dataDir: directory,
    listen: `127.0.0.1:${await freePort()}`,
    segmentBytes: 4 * MiB,
    handshakeTimeoutMs: 200,
    keepaliveIntervalMs: 500,
    keepaliveTimeoutMs: 500,
  });
  await engine.waitReady();
  address = engine.address ?? "";
  good = await GoodClient.start([address]);
  await good.servedAgain();
  bytesBefore = bytesInUse();
});
afterAll(async () => {
  await good.stop();
  await engine.close();
  rmSync(directory, { recursive: true });
});

beforeEach(async () => {
  await engine.client().delete("k");
  await good.servedAgain();
  socketsBefore = openSockets();
});

/** The node lives, its client was served all the time, and what the others took has come back. */
afterEach(async () => {
  await good.servedAgain();
  expect(engine.state).toBe("running");
  await expect.poll(openSockets).toBeLessThanOrEqual(socketsBefore);
});

describe("bytes that are not HTTP/2 (scenario 78)", () => {
  const random = new Prng(78);
  it.each([
    { name: "random bytes", bytes: () => random.bytes(4_096) },
    { name: "HTTP/1.1", bytes: () => Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
    { name: "a TLS greeting", bytes: () => Buffer.from("160301020001000001fc0303", "hex") },
    {
      name: "half of the preface, then rubbish",
      bytes: () => joined(PREFACE.subarray(0, 12), random.bytes(64)),
    },
    { name: "no settings", bytes: () => joined(PREFACE, frame(FRAME.PING, 0, 0, Buffer.alloc(8))) },
    {
      name: "a truncated frame",
      bytes: () => joined(PREFACE, frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(0), 60)),
    },
    { name: "random bytes behind the preface", bytes: () => joined(PREFACE, random.bytes(4_096)) },
    {
      name: "an oversized frame",
      bytes: () =>
        joined(PREFACE, settings, frame(FRAME.DATA, 0, 1, Buffer.alloc(20_000), 2 ** 24 - 1)),
    },
    {
      name: "settings of an odd length",
      bytes: () => joined(PREFACE, frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(7))),
    },
    {
      name: "a window that overflows",
      bytes: () =>
        joined(PREFACE, settings, frame(FRAME.WINDOW_UPDATE, 0, 0, Buffer.from("7fffffff", "hex"))),
    },
    {
      name: "HPACK rubbish",
      bytes: () => joined(PREFACE, settings, frame(FRAME.HEADERS, 5, 1, random.bytes(512))),
    },
    {
      name: "an HPACK index that is none",
      bytes: () =>
        joined(PREFACE, settings, frame(FRAME.HEADERS, 5, 1, Buffer.from("ffffffff0f", "hex"))),
    },
    {
      name: "headers on stream 0",
      bytes: () => joined(PREFACE, settings, frame(FRAME.HEADERS, 5, 0, callHeaders(WRITE))),
    },
    {
      name: "headers on an even stream",
      bytes: () => joined(PREFACE, settings, frame(FRAME.HEADERS, 5, 2, callHeaders(WRITE))),
    },
    {
      name: "data of a stream that was never opened",
      bytes: () => joined(PREFACE, settings, frame(FRAME.DATA, 1, 9, grpcFrame(putKV))),
    },
    {
      name: "a header that never ends",
      bytes: () =>
        joined(
          PREFACE,
          settings,
          frame(FRAME.HEADERS, 0, 1, callHeaders(WRITE)),
          ...many(2_000, () => frame(FRAME.CONTINUATION, 0, 1, random.bytes(100))),
        ),
    },
  ])("$name: each connection ends, and nobody else is disturbed", async ({ bytes }) => {
    const sockets = await Promise.all(many(10, () => RawSocket.open(address)));
    for (const socket of sockets) socket.send(bytes());
    // Those that wait for more are ended by the time that is allowed for the beginning.
    await Promise.all(sockets.map(({ closed }) => closed));
    await good.servedAgain();
  });
});

describe("streams that are opened to be broken off (scenario 78)", () => {
  it("a storm of resets ends that connection", async () => {
    const socket = await RawSocket.open(address);
    socket.greet();
    for (let stream = 1; stream < 20_000 && !socket.socket.destroyed; stream += 2) {
      const cancel = frame(FRAME.RST_STREAM, 0, stream, Buffer.from([0, 0, 0, 8]));
      socket.send(frame(FRAME.HEADERS, 4, stream, callHeaders(READ)), cancel);
      if (stream % 1_001 === 0) await good.servedAgain();
    }
    // The library says GOAWAY and takes no more, but leaves it open until it asks for a sign of life.
    await socket.closed;
    expect(socket.received.includes(frame(FRAME.GOAWAY, 0, 0).subarray(3, 9))).toBe(true);
  });

  it("a client that cancels everything costs nothing that stays", async () => {
    const session = connectHttp2(`http://${address}`);
    session.on("error", () => undefined);
    for (let round = 0; round < 20; round += 1) {
      const calls = many(20, (at) => openCall(session, [WRITE, READ, WATCH][at % 3] ?? READ));
      for (const [at, call] of calls.entries()) {
        if (at % 2 === 0) call.write(grpcFrame(at % 3 === 0 ? putKV : readK));
        call.close(constants.NGHTTP2_CANCEL);
      }
      await Promise.all(calls.map((call) => new Promise((resolve) => call.once("close", resolve))));
    }
    session.destroy();
  });
});

describe("frames of gRPC that are none (scenario 78)", () => {
  // The contract tells of a message that is none in its answer, and so with status 0.
  const bomb = gzipSync(Buffer.alloc(64 * MiB));
  it.each([
    { name: "a length far beyond the bound", body: grpcFrame(putKV, 0, 0xffffffff), status: "8" },
    { name: "a flag without an encoding", body: grpcFrame(Buffer.from("rubbish"), 1), status: "0" },
    {
      name: "rubbish that says it is compressed",
      body: grpcFrame(Buffer.from("rubbish"), 1),
      encoding: "gzip",
      status: "13",
    },
    { name: "a bomb", body: grpcFrame(bomb, 1), encoding: "gzip", status: "8" },
    {
      name: "an encoding that nobody knows",
      body: grpcFrame(putKV, 1),
      encoding: "zz",
      status: "12",
    },
    {
      name: "two messages where one is due",
      body: joined(grpcFrame(putKV), grpcFrame(putKV)),
      status: "12",
    },
    { name: "no message", body: Buffer.alloc(0), status: "12" },
    {
      name: "half a message",
      body: grpcFrame(putKV.subarray(0, 4), 0, putKV.length),
      status: "12",
    },
    { name: "half a length", body: Buffer.from([0, 0, 0]), status: "12" },
    { name: "an empty message", body: grpcFrame(Buffer.alloc(0)), status: "0" },
  ])("$name is refused with status $status", async ({ body, status, encoding }) => {
    const session = connectHttp2(`http://${address}`);
    session.on("error", () => undefined);
    const answers = many(5, () => {
      const call = openCall(
        session,
        WRITE,
        encoding === undefined ? {} : { "grpc-encoding": encoding },
      );
      call.end(body);
      return statusOf(call);
    });
    expect(await Promise.all(answers)).toEqual(many(5, () => status));
    session.destroy();
    await using client = await connect([address]);
    expect(await client.get("k")).toBeUndefined();
  });

  it("calls with odd headers are refused", async () => {
    const session = connectHttp2(`http://${address}`);
    session.on("error", () => undefined);
    for (const [path, headers] of [
      ["/nothing/Here", {}],
      ["", {}],
      [WRITE, { "content-type": "text/html" }],
      [WRITE, { "grpc-timeout": "soon" }],
      [WRITE, { "grpc-timeout": "99999999H" }],
      [WRITE, { authorization: "Bearer de1.x.y" }],
      [WRITE, { "x-bin": "%%%" }],
      ["/grpc.health.v1.Health/Check", { "grpc-timeout": "0n" }],
    ] as const) {
      const call = openCall(session, path, headers);
      call.end(grpcFrame(Buffer.alloc(0)));
      await statusOf(call);
      await good.servedAgain();
    }
    session.destroy();
  });
});

describe("after all of that", () => {
  it("the memory that it took is free again", async () => {
    // But for the log that the good client has written meanwhile.
    await expect.poll(() => bytesInUse() - bytesBefore).toBeLessThan(48 * MiB);
  });
});

const settings = frame(FRAME.SETTINGS, 0, 0);

function joined(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}

function many<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

function openCall(
  session: ReturnType<typeof connectHttp2>,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  const call = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  call.on("error", () => undefined);
  return call.resume();
}

/** The status of gRPC that a call ends with, or how the stream ended without one. */
function statusOf(call: ClientHttp2Stream): Promise<string> {
  return new Promise((resolve) => {
    const look = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] !== undefined) resolve(String(headers["grpc-status"]));
    };
    call.on("response", look).on("trailers", look);
    call.once("close", () => resolve(`no status, RST_STREAM ${call.rstCode}`));
  });
}
