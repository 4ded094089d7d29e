import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";

export interface RawAnswer {
  /** Name of the gRPC status. */
  readonly status: string;
  readonly details: string;
  readonly body: Buffer | undefined;
  readonly trailers: Readonly<Record<string, unknown>>;
}

/** A gRPC client that sends and receives bytes, as a client in another language would. */
export class RawClient {
  readonly #client: Client;

  constructor(address: string, options: Readonly<Record<string, string | number>> = {}) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
      ...options,
    });
  }

  unary(
    path: string,
    request: Uint8Array,
    timeoutMs = 5_000,
    metadata = new Metadata(),
  ): Promise<RawAnswer> {
    return new Promise((resolve) => {
      let answer: Pick<RawAnswer, "body"> = { body: undefined };
      this.#client
        .makeUnaryRequest(
          path,
          asBuffer,
          asIs,
          request,
          metadata,
          { deadline: Date.now() + timeoutMs },
          (_error, body) => {
            answer = { body };
          },
        )
        .on("status", ({ code, details, metadata }) => {
          // The callback has run: the library calls it before it emits the status.
          resolve({ status: status[code], details, trailers: metadata.getMap(), ...answer });
        });
    });
  }

  /** Opens a server stream; `next` resolves to its messages in order, then to how it ended. */
  stream(path: string, request: Uint8Array): RawStream {
    return new RawStream(this.#client, path, request);
  }

  close(): void {
    this.#client.close();
  }
}

export class RawStream {
  readonly headers: Promise<void>;
  readonly #events: (Buffer | string)[] = [];
  readonly #waiting: ((event: Buffer | string) => void)[] = [];
  readonly #cancel: () => void;

  constructor(client: Client, path: string, request: Uint8Array) {
    const call = client.makeServerStreamRequest(path, asBuffer, asIs, request);
    this.#cancel = () => call.cancel();
    this.headers = new Promise((resolve) => {
      call.once("metadata", () => resolve());
    });
    call.on("data", (body: Buffer) => this.#push(body));
    call.on("error", (error: ServiceError) => this.#push(status[error.code] ?? "?"));
    call.on("end", () => this.#push("OK"));
  }

  /** The next message's bytes, or the name of the status that the stream ended with. */
  next(): Promise<Buffer | string> {
    const ready = this.#events.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  cancel(): void {
    this.#cancel();
  }

  #push(event: Buffer | string): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#events.push(event);
    else waiting(event);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
