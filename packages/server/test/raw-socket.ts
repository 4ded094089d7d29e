import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** The bytes that every HTTP/2 connection begins with. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** One frame of HTTP/2; `length` lies about the payload when it is given. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = new Uint8Array(0),
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Headers as HPACK literals without indexing or Huffman: readable by any decoder. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(Buffer.from([0x00]), stringLiteral(name), stringLiteral(value));
  }
  return Buffer.concat(parts);
}

/** The headers of a call. */
export function callHeaders(path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return headerBlock({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "localhost",
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  });
}

/** A message in the frame of gRPC; `length` lies about it when it is given. */
export function grpcFrame(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
}

/** A plain connection, for what no client of HTTP/2 would send. */
export class RawSocket {
  readonly socket: Socket;
  /** Resolves when the other end, or the system, has ended the connection. */
  readonly closed: Promise<void>;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]).subarray(-65_536);
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", () => resolve());
    });
  }

  static async open(address: string): Promise<RawSocket> {
    const at = address.lastIndexOf(":");
    const socket = connect(Number(address.slice(at + 1)), address.slice(0, at));
    const raw = new RawSocket(socket);
    await once(socket, "connect");
    return raw;
  }

  /** The newest bytes received. */
  get received(): Buffer {
    return this.#received;
  }

  /** Resolves when these bytes have come, counted from the last time that they did. */
  async next(bytes: Uint8Array): Promise<void> {
    for (;;) {
      const at = this.#received.indexOf(bytes);
      if (at >= 0) {
        this.#received = this.#received.subarray(at + bytes.length);
        return;
      }
      await Promise.race([once(this.socket, "data"), this.closed]);
      if (this.socket.destroyed) return;
    }
  }

  send(...parts: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts));
  }

  /** Says what a client of HTTP/2 says first, and takes what the server says. */
  greet(): void {
    this.send(PREFACE, frame(FRAME.SETTINGS, 0, 0), frame(FRAME.SETTINGS, 1, 0));
  }

  close(): void {
    this.socket.destroy();
  }
}

function stringLiteral(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([hpackInteger(bytes.length), bytes]);
}

/** An integer with a prefix of seven bits. */
function hpackInteger(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const out = [127];
  let rest = value - 127;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return Buffer.from(out);
}
