import type {
  ClientTransport,
  TransportAnswer,
  TransportCallOptions,
  TransportFailure,
  TransportMethod,
  TransportRequestOf,
  TransportStream,
  TransportStreamInputs,
  TransportStreamKind,
  TransportStreamMessages,
  TransportStreamOptions,
  TransportStreamRequestOf,
} from "./client-transport.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { endpointsMax } from "./endpoints.js";
import { systemClock } from "./internal/system-clock.js";
import { InboundStream } from "./streams/inbound-stream.js";

/**
 * Calls over gRPC, one channel for each node. At most `endpointsMax` channels: an address beyond
 * that is unreachable until `retain` has made room.
 */
export class GrpcTransport implements ClientTransport {
  readonly #connections = new Map<string, Connection>();
  readonly #options: ConnectionOptions;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  call<Method extends TransportMethod>(
    address: string,
    request: TransportRequestOf<Method>,
    options: TransportCallOptions,
  ): Promise<TransportAnswer<Method>> {
    const connection = this.#connectionTo(address);
    if (connection === undefined) {
      return Promise.resolve({ kind: "failed", failure: this.#unreachable(address) });
    }
    // What answers a request is of its kind, which the compiler cannot see through a Map of them.
    return connection.call(request, options) as Promise<TransportAnswer<Method>>;
  }

  open<Kind extends TransportStreamKind>(
    address: string,
    request: TransportStreamRequestOf<Kind>,
    options: TransportStreamOptions,
  ): TransportStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]> {
    const stream = new InboundStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]>({
      ...options,
      address,
      clock: systemClock,
    });
    const connection = this.#connectionTo(address);
    if (connection === undefined) stream.ended(this.#unreachable(address));
    else connection.open<Kind>({ kind: request.kind as Kind }, options, stream);
    return stream;
  }

  retain(addresses: readonly string[]): void {
    const wanted = new Set(addresses);
    for (const [address, connection] of this.#connections) {
      if (wanted.has(address) || !connection.isIdle) continue;
      this.#connections.delete(address);
      connection.close();
    }
    for (const address of wanted) this.#connectionTo(address)?.prepare();
  }

  /**
   * Shows who the client is to the first node that answers, where that is wanted. Resolves with why
   * nobody took it.
   */
  async authenticate(timeoutMs: number): Promise<TransportFailure | undefined> {
    let failure: TransportFailure | undefined;
    for (const connection of this.#connections.values()) {
      failure = await connection.authenticate(timeoutMs);
      if (failure === undefined || failure.kind === "refused") return failure;
    }
    return failure;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  #unreachable(address: string): TransportFailure {
    const why = this.#closed ? "the client is closed" : `more than ${endpointsMax} nodes`;
    return { kind: "unreachable", message: `${address}: not connected: ${why}` };
  }

  #connectionTo(address: string): Connection | undefined {
    const known = this.#connections.get(address);
    if (known !== undefined) return known;
    if (this.#closed || this.#connections.size >= endpointsMax) return undefined;
    const connection = new Connection(address, this.#options);
    this.#connections.set(address, connection);
    return connection;
  }
}
