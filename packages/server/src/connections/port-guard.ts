import { constants, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { ConnectionGate } from "./connection-gate.js";
import { type ConnectionBounds, GuardedConnection } from "./guarded-connection.js";
import type { PortMetrics } from "./port-metrics.js";

export interface PortGuardSetup extends ConnectionBounds {
  readonly gate: ConnectionGate;
  readonly handshakeTimeoutMs: number;
  /** Paths of the methods whose requests go on: sessions, watches, peers. */
  readonly isOpenEnded: (path: string) => boolean;
  readonly metrics: PortMetrics;
}

const lookEveryMs = 1_000;

/** Holds the connections of a port to their bounds. */
export class PortGuard {
  readonly #setup: PortGuardSetup;
  readonly #lookEveryMs: number;
  readonly #connections = new Map<string, GuardedConnection>();
  readonly #sessions = new WeakMap<object, GuardedConnection>();
  #timer: NodeJS.Timeout | undefined;

  constructor(setup: PortGuardSetup) {
    this.#setup = setup;
    const { slowReaderMs, slowRequestMs } = setup;
    this.#lookEveryMs = Math.min(lookEveryMs, slowReaderMs, slowRequestMs);
  }

  /** Watches a server of the gRPC library, before it listens. */
  attach(server: Http2Server): void {
    // Before the library's own: it begins the session within its listener.
    server.prependListener("connection", (socket: Socket) => this.#connected(socket));
    server.on("session", (session) => this.#began(session));
    server.on("stream", (stream, headers) => {
      const connection = stream.session && this.#sessions.get(stream.session);
      const isOpenEnded = this.#setup.isOpenEnded(headers[":path"] ?? "");
      connection?.opened(stream, performance.now(), !isOpenEnded);
    });
  }

  /** Bytes of answers that a caller, as the gRPC library names it, has not read. */
  unsentBytes(peer: string): number {
    return this.#connections.get(peer)?.unsentBytes ?? 0;
  }

  /** Ends what has not got as far as to make a call: nobody would wait for its end. */
  endHandshakes(): void {
    for (const connection of this.#connections.values()) {
      if (!connection.hasAgreed) connection.destroy();
    }
  }

  /** Ends all that there is. */
  destroy(): void {
    for (const connection of this.#connections.values()) connection.destroy();
  }

  #connected(socket: Socket): void {
    if (!this.#setup.gate.admit(socket)) {
      // Not before the library has seen it: it takes no socket that is gone already.
      process.nextTick(() => socket.destroy());
      return;
    }
    const peer = peerOf(socket);
    const connection = new GuardedConnection(socket, performance.now());
    this.#connections.set(peer, connection);
    connection.expectHandshake(this.#setup.handshakeTimeoutMs, () => {
      // After a turn that took long, what has arrived meanwhile is read first.
      setImmediate(() => {
        if (connection.hasAgreed) return;
        this.#setup.metrics.handshakes += 1;
        connection.destroy();
      });
    });
    socket.once("close", () => {
      connection.closed();
      if (this.#connections.get(peer) === connection) this.#connections.delete(peer);
      if (this.#connections.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    this.#timer ??= setInterval(() => this.#look(), this.#lookEveryMs).unref();
  }

  #began(session: ServerHttp2Session): void {
    const { socket } = session;
    const connection = socket && this.#connections.get(peerOf(socket));
    if (connection === undefined) return;
    this.#sessions.set(session, connection);
    connection.began(session);
  }

  #look(): void {
    const nowMs = performance.now();
    const { metrics } = this.#setup;
    for (const connection of [...this.#connections.values()]) {
      const { slowRequests, slowReaders, pingFlood } = connection.look(nowMs, this.#setup);
      metrics.slowRequests += slowRequests.length;
      metrics.slowReaders += slowReaders.length;
      // Of the one nothing was done yet; what became of the other its caller cannot know.
      for (const stream of slowRequests) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      for (const stream of slowReaders) stream.close(constants.NGHTTP2_CANCEL);
      if (!pingFlood) continue;
      metrics.pingFloods += 1;
      connection.endForPings();
    }
  }
}

/** As the gRPC library names callers. */
function peerOf({
  remoteAddress,
  remotePort,
}: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress}:${remotePort}`;
}
