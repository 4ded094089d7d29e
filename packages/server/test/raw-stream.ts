import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { status } from "@grpc/grpc-js";

const prefixBytes = 5;

/**
 * A gRPC stream both ways, written out over HTTP/2: what is paused here is not read ahead by any
 * library, so that a stuck reader can be played.
 */
export class RawStream {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #events: (Buffer | string)[] = [];
  readonly #waiting: ((event: Buffer | string) => void)[] = [];
  #received = Buffer.alloc(0);
  #status: string | undefined = "the connection closed without a status";

  constructor(address: string, path: string) {
    this.#session = connect(`http://${address}`);
    this.#session.on("error", (error) => this.#push(String(error)));
    this.#stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const noteStatus = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] === undefined) return;
      const name = status[Number(headers["grpc-status"])];
      this.#status = `${name}: ${decodeURIComponent(String(headers["grpc-message"] ?? ""))}`;
    };
    this.#stream.on("response", noteStatus).on("trailers", noteStatus);
    this.#stream.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#stream.on("error", (error) => this.#push(String(error)));
    this.#stream.on("end", () => this.#over()).on("close", () => this.#over());
  }

  /** The next message's bytes, or the status, with its details, that the stream ended with. */
  next(): Promise<Buffer | string> {
    const ready = this.#events.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  send(message: Uint8Array): void {
    const framed = Buffer.alloc(prefixBytes + message.length);
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, prefixBytes);
    this.#stream.write(framed);
  }

  end(): void {
    this.#stream.end();
  }

  /** Ends stream and connection at once. */
  cancel(): void {
    this.#stream.close();
    this.#session.destroy();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= prefixBytes) {
      const end = prefixBytes + this.#received.readUInt32BE(1);
      if (this.#received.length < end) return;
      this.#push(this.#received.subarray(prefixBytes, end));
      this.#received = this.#received.subarray(end);
    }
  }

  #over(): void {
    if (this.#status !== undefined) this.#push(this.#status);
    this.#status = undefined;
  }

  #push(event: Buffer | string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#events.push(event);
    else waiting(event);
  }
}
