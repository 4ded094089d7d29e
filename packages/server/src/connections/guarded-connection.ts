import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

/** A stream, and since when nothing has moved on it. */
interface GuardedStream {
  readonly openedMs: number;
  /** Whether all of its request must be there in time: calls that send one message. */
  readonly mustComplete: boolean;
  unsentBytes: number;
  movedMs: number;
}

/** What a connection is measured by. */
export interface ConnectionBounds {
  readonly idlePingsMax: number;
  readonly slowRequestMs: number;
  readonly slowReaderMs: number;
}

/** Streams that are to be ended, and whether the connection is. */
export interface Verdict {
  readonly slowRequests: readonly ServerHttp2Stream[];
  readonly slowReaders: readonly ServerHttp2Stream[];
  readonly pingFlood: boolean;
}

const pingBytes = 17;
const pingWindowMs = 60_000;
/** A connection that carried less than this since a stream stopped moves nothing at all. */
const movingBytes = 64 * 1024;
/** While other streams move, one that does not gets this many times as long. */
const patience = 10;

/** One connection of the port, and what is open on it. */
export class GuardedConnection {
  readonly #socket: Socket;
  readonly #streams = new Map<ServerHttp2Stream, GuardedStream>();
  #session: ServerHttp2Session | undefined;
  /** Of the handshake; cleared when the other end has agreed. */
  #timer: NodeJS.Timeout | undefined;
  #settingsMissing = 2;
  #pings = 0;
  #idlePings = 0;
  #pingsSinceMs: number;
  #bytesAtLook = 0;
  /** Bytes written when the connection was last seen to move, and when that was. */
  #movedBytes = 0;
  #movedMs: number;

  constructor(socket: Socket, nowMs: number) {
    this.#socket = socket;
    this.#pingsSinceMs = nowMs;
    this.#movedMs = nowMs;
  }

  /** Waits for both ends to have told, and taken, the settings of HTTP/2. */
  expectHandshake(timeoutMs: number, onMissed: () => void): void {
    this.#timer = setTimeout(onMissed, timeoutMs).unref();
  }

  began(session: ServerHttp2Session): void {
    this.#session = session;
    const agreed = (): void => {
      this.#settingsMissing -= 1;
      if (this.#settingsMissing === 0) clearTimeout(this.#timer);
    };
    session.once("remoteSettings", agreed);
    session.once("localSettings", agreed);
    session.on("ping", () => {
      this.#pings += 1;
    });
  }

  opened(stream: ServerHttp2Stream, nowMs: number, mustComplete: boolean): void {
    this.#streams.set(stream, { openedMs: nowMs, mustComplete, unsentBytes: 0, movedMs: nowMs });
    stream.once("close", () => this.#streams.delete(stream));
  }

  get hasAgreed(): boolean {
    return this.#settingsMissing === 0;
  }

  /** Bytes of answers that were handed over and not taken by the other end. */
  get unsentBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams.keys()) bytes += stream.writableLength;
    return bytes;
  }

  look(nowMs: number, bounds: ConnectionBounds): Verdict {
    const written = this.#socket.bytesWritten;
    if (written - this.#movedBytes >= movingBytes) {
      this.#movedBytes = written;
      this.#movedMs = nowMs;
    }
    const slowRequests: ServerHttp2Stream[] = [];
    const slowReaders: ServerHttp2Stream[] = [];
    for (const [stream, seen] of this.#streams) {
      if (isRequestSlow(stream, seen, nowMs, bounds)) slowRequests.push(stream);
      else if (this.#isReaderSlow(stream, seen, nowMs, bounds)) slowReaders.push(stream);
    }
    const pingFlood = this.#isPingFlood(written, nowMs, bounds);
    this.#bytesAtLook = written;
    return { slowRequests, slowReaders, pingFlood };
  }

  /** Breaks the connection; the other end is told why in the way that gRPC has for it. */
  endForPings(): void {
    const session = this.#session;
    if (session === undefined || session.destroyed) return;
    session.goaway(enhanceYourCalm, undefined, Buffer.from("too_many_pings"));
    setImmediate(() => this.destroy());
  }

  destroy(): void {
    this.#session?.destroy();
    this.#socket.destroy();
  }

  closed(): void {
    clearTimeout(this.#timer);
  }

  #isReaderSlow(
    stream: ServerHttp2Stream,
    seen: GuardedStream,
    nowMs: number,
    { slowReaderMs }: ConnectionBounds,
  ): boolean {
    const unsent = stream.writableLength;
    if (unsent === 0 || unsent !== seen.unsentBytes) {
      seen.unsentBytes = unsent;
      seen.movedMs = nowMs;
      return false;
    }
    // A large message counts as unsent until its last byte is gone: then the connection tells.
    const stoodMs = nowMs - seen.movedMs;
    const connectionStoodMs = nowMs - Math.max(this.#movedMs, seen.movedMs);
    return connectionStoodMs >= slowReaderMs || stoodMs >= patience * slowReaderMs;
  }

  /** Only of a connection that was told nothing but answers to its pings: others measure by them. */
  #isPingFlood(written: number, nowMs: number, { idlePingsMax }: ConnectionBounds): boolean {
    if (nowMs - this.#pingsSinceMs >= pingWindowMs) {
      this.#pingsSinceMs = nowMs;
      this.#idlePings = 0;
    }
    if (written - this.#bytesAtLook <= pingBytes * this.#pings) this.#idlePings += this.#pings;
    this.#pings = 0;
    return this.#idlePings > idlePingsMax;
  }
}

const enhanceYourCalm = 0xb;

function isRequestSlow(
  stream: ServerHttp2Stream,
  seen: GuardedStream,
  nowMs: number,
  { slowRequestMs }: ConnectionBounds,
): boolean {
  if (!seen.mustComplete || nowMs - seen.openedMs < slowRequestMs) return false;
  return stream.state.remoteClose === 0;
}
