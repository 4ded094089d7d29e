import type { NodeId } from "@d-engine/core";
import type { ServerDuplexStream } from "@grpc/grpc-js";

export type InboundStream = ServerDuplexStream<Uint8Array, Uint8Array>;

interface Registered {
  readonly stream: InboundStream;
  queuedBytes: number;
}

/**
 * The append streams that peers have opened to this node; answers go back on them. One per peer:
 * a newer one replaces an older one, whose connection the peer has given up.
 */
export class InboundStreams {
  readonly #queueBytesMax: number;
  readonly #streams = new Map<NodeId, Registered>();

  constructor(queueBytesMax: number) {
    this.#queueBytesMax = queueBytesMax;
  }

  get count(): number {
    return this.#streams.size;
  }

  add(peer: NodeId, stream: InboundStream): void {
    const previous = this.#streams.get(peer);
    this.#streams.set(peer, { stream, queuedBytes: 0 });
    previous?.stream.end();
  }

  remove(peer: NodeId, stream: InboundStream): void {
    if (this.#streams.get(peer)?.stream === stream) this.#streams.delete(peer);
  }

  /** False when the peer has no stream here, or reads too slowly: the answer is dropped. */
  send(peer: NodeId, bytes: Uint8Array): boolean {
    const registered = this.#streams.get(peer);
    if (registered === undefined) return false;
    if (registered.queuedBytes + bytes.length > this.#queueBytesMax) {
      this.#streams.delete(peer);
      registered.stream.destroy();
      return false;
    }
    registered.queuedBytes += bytes.length;
    registered.stream.write(bytes, () => {
      registered.queuedBytes -= bytes.length;
    });
    return true;
  }

  close(): void {
    for (const { stream } of this.#streams.values()) stream.end();
    this.#streams.clear();
  }
}
