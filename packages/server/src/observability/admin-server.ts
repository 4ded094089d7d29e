import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseHostPort } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { StartedKvNode } from "../start-node.js";
import { type Health, judgeHealth } from "./health.js";
import { NodeRegistry } from "./node-registry.js";
import { healthFactsOf, type NodeReading, readNode } from "./observed-node.js";

export interface AdminServerOptions {
  readonly started: StartedKvNode;
  /** `host:port`; port 0 lets the system choose. */
  readonly listen: string;
  readonly nowMs: () => number;
  /** Told of errors that are bugs of ours; whoever asked gets a 500. */
  readonly onBug: (error: unknown, path: string) => void;
}

/** What answers one path. */
export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/**
 * The port for operators: `/health` (also `/health/live` and `/health/ready`), `/primary`,
 * `/replica`, `/metrics`. Nothing can be changed through it, and nobody has to log in: give it an
 * address that only those reach who may see it.
 */
export class AdminServer implements AsyncDisposable {
  /** `host:port` as bound. */
  readonly address: string;
  readonly #server: Server;
  #closed: Promise<void> | undefined;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  /** @throws EngineError `INVALID_ADDRESS` when the address cannot be parsed or bound */
  static async start(options: AdminServerOptions): Promise<AdminServer> {
    const { host, port } = parseHostPort(options.listen, { portMin: 0 });
    const server = createServer(LIMITS, pagesOf(options));
    server.on("connection", (socket) => {
      if (!options.started.ports.operators.admit(socket)) socket.destroy();
    });
    await listening(server, host, port, options.listen);
    const bound = server.address() as AddressInfo;
    // Whoever closes the node closes this; it must not keep a process alive that has ended its work.
    server.unref();
    return new AdminServer(server, parseHostPort(`${bracketed(host)}:${bound.port}`).text);
  }

  /** Takes no more questions, answers those under way. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const force = setTimeout(() => this.#server.closeAllConnections(), drainMs);
      this.#server.close(() => {
        clearTimeout(force);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

type Handler = (reading: NodeReading, health: Health) => Page | Promise<Page>;

function pagesOf(options: AdminServerOptions) {
  const { started, nowMs, onBug } = options;
  const read = (): NodeReading => readNode(started, nowMs());
  const registry = new NodeRegistry(read);
  const pages: Readonly<Record<string, Handler>> = {
    "/health": (reading, health) => healthPage(health.ready, reading, health),
    "/health/live": (reading, health) => healthPage(health.live, reading, health),
    "/health/ready": (reading, health) => healthPage(health.ready, reading, health),
    "/primary": (reading, health) => healthPage(health.primary, reading, health),
    "/replica": (reading, health) => healthPage(health.replica, reading, health),
    "/metrics": async () => ({
      status: 200,
      contentType: registry.contentType,
      body: await registry.text(),
    }),
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    // Not parsed as a URL: whoever asks may have written anything, and nothing of it must throw.
    const [path = "/"] = (request.url ?? "/").split("?", 1);
    answer(request, path, pages, read).then(
      (page) => send(request, response, page),
      (error: unknown) => {
        onBug(error, path);
        send(request, response, plain(500, "this is a bug; the log of the node says more"));
      },
    );
  };
}

async function answer(
  { method }: IncomingMessage,
  path: string,
  pages: Readonly<Record<string, Handler>>,
  read: () => NodeReading,
): Promise<Page> {
  const handler = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (handler === undefined) {
    return plain(404, `there is no ${path}; ask ${Object.keys(pages).join(", ")}`);
  }
  if (method !== "GET" && method !== "HEAD") return plain(405, "only GET and HEAD");
  const reading = read();
  return await handler(reading, judgeHealth(healthFactsOf(reading)));
}

function healthPage(isGood: boolean, { raft, store }: NodeReading, health: Health): Page {
  const { id, role, term, leaderId, commitIndex } = raft;
  const { live, ready, reasons } = health;
  const facts = { node: id, role, term, leader: leaderId ?? null, commitIndex };
  const body = { live, ready, ...facts, lastApplied: store.lastApplied, reasons };
  return {
    status: isGood ? 200 : 503,
    contentType: "application/json",
    body: `${JSON.stringify(body)}\n`,
  };
}

function plain(status: number, line: string): Page {
  return { status, contentType: "text/plain; charset=utf-8", body: `${line}\n` };
}

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  { status, contentType, body }: Page,
): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": length,
    "cache-control": "no-store",
  });
  response.end(method === "HEAD" ? undefined : body);
}

function listening(server: Server, host: string, port: number, given: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EADDRINUSE" ? "the port is in use" : cause.message;
      const message = `cannot listen at ${given} for operators: ${why}`;
      reject(new EngineError("INVALID_ADDRESS", message, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Questions are short, and so is the time for asking them. */
const LIMITS = { maxHeaderSize: 8_192, headersTimeout: 5_000, requestTimeout: 5_000 };
const drainMs = 1_000;
