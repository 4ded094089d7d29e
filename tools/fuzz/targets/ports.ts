import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedEngine } from "d-engine";
import type { FuzzTarget } from "../target.js";

/** A node that bytes are sent to, one for both of its ports. */
class Node {
  #engine: EmbeddedEngine | undefined;
  #directory: string | undefined;
  #users = 0;

  async open(): Promise<void> {
    this.#users += 1;
    if (this.#users > 1) return;
    this.#directory = mkdtempSync(join(tmpdir(), "fuzz-node-"));
    this.#engine = await EmbeddedEngine.start({
      dataDir: this.#directory,
      listen: "127.0.0.1:0",
      adminListen: "127.0.0.1:0",
      segmentBytes: 4 * 1024 * 1024,
      handshakeTimeoutMs: 100,
      // What the library leaves open behind its GOAWAY ends with the next sign of life.
      keepaliveIntervalMs: 100,
      keepaliveTimeoutMs: 100,
    });
    await this.#engine.waitReady();
  }

  async close(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    await this.#engine?.close();
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true });
  }

  address(port: "address" | "adminAddress"): string {
    return this.#engine?.[port] ?? "";
  }

  /** Rejects when the node has ended over it. */
  check(): void {
    const state = this.#engine?.state;
    if (state !== "running") throw new TypeError(`the node is ${state}`);
  }
}

const node = new Node();

/** Sends bytes, and resolves to what came back when the connection has ended. */
function exchange(address: string, bytes: Uint8Array): Promise<Buffer> {
  const at = address.lastIndexOf(":");
  return new Promise((resolve) => {
    const socket = connect(Number(address.slice(at + 1)), address.slice(0, at));
    const received: Buffer[] = [];
    socket.on("error", () => undefined);
    socket.on("data", (piece: Buffer) => received.push(piece));
    socket.once("close", () => resolve(Buffer.concat(received)));
    socket.end(bytes);
  });
}

const text = (lines: string): Uint8Array => Buffer.from(lines.replaceAll("\n", "\r\n"), "latin1");

const common = {
  open: () => node.open(),
  close: () => node.close(),
  isRefusal: () => false,
  msMax: 5_000,
  shortRun: 30,
  // What the node does besides counts too.
  bytesMax: 64 * 1024 * 1024,
} as const;

const adminTarget: FuzzTarget = {
  ...common,
  name: "ports/admin-http",
  samples: () => [
    text("GET /health HTTP/1.1\nHost: n\n\n"),
    text("GET /metrics?x=1 HTTP/1.0\n\n"),
    text("HEAD /primary HTTP/1.1\nHost: n\nConnection: close\n\n"),
    text("POST /health HTTP/1.1\nHost: n\nContent-Length: 5\n\nhello"),
    text("GET /%zz/../health HTTP/1.1\nHost: n\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n"),
  ],
  run: async (bytes) => {
    const answer = (await exchange(node.address("adminAddress"), bytes)).toString("latin1");
    node.check();
    if (answer !== "" && !answer.startsWith("HTTP/1.1 ")) throw new TypeError(`answered ${answer}`);
    if (/^HTTP\/1.1 500/.test(answer)) throw new TypeError("answered that it has a bug");
  },
};

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = [length >> 16, (length >> 8) & 255, length & 255, type, flags, 0, 0, 0, stream];
  return Buffer.concat([Uint8Array.from(head), payload]);
}

const hpack = Buffer.concat(
  [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/d_engine.client.RaftClientService/HandleClientWrite"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ].flatMap(([name = "", value = ""]) => [
    Uint8Array.of(0, name.length),
    Buffer.from(name),
    Uint8Array.of(value.length),
    Buffer.from(value),
  ]),
);

const grpcTarget: FuzzTarget = {
  ...common,
  name: "ports/grpc-frames",
  samples: () => [
    Buffer.concat([
      preface,
      http2Frame(4, 0, 0, new Uint8Array(0)),
      http2Frame(4, 1, 0, new Uint8Array(0)),
      http2Frame(1, 4, 1, hpack),
      http2Frame(0, 1, 1, Buffer.from("000000000a12080a060a016b120176", "hex")),
    ]),
    Buffer.concat([
      preface,
      http2Frame(4, 0, 0, new Uint8Array(0)),
      http2Frame(6, 0, 0, new Uint8Array(8)),
      http2Frame(1, 4, 1, hpack),
      http2Frame(3, 0, 1, Uint8Array.of(0, 0, 0, 8)),
    ]),
  ],
  run: async (bytes) => {
    await exchange(node.address("address"), bytes);
    node.check();
  },
};

export const portTargets: readonly FuzzTarget[] = [adminTarget, grpcTarget];
