import type { ChannelSecurity } from "@d-engine/client";
import type { NodeId } from "@d-engine/core";
import {
  Client,
  type ClientDuplexStream,
  type Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { Backoff } from "./backoff.js";
import { PEER_METHODS, type UnaryPeerMethod } from "./peer-methods.js";

type AppendStream = ClientDuplexStream<Uint8Array, Uint8Array>;

export interface PeerConnectionOptions {
  readonly peer: NodeId;
  /** `host:port`. */
  readonly address: string;
  readonly security: () => ChannelSecurity;
  /** Sent with every call: who this node is. */
  readonly metadata: Metadata;
  /** Why the answering node is not the one meant; `undefined` when it is. */
  readonly refuse: (metadata: Metadata) => string | undefined;
  readonly onAppendResponse: (bytes: Uint8Array) => void;
  /** What was sent may be lost. Called once for each connection that ends. */
  readonly onLost: (reason: string) => void;
  /** The peer did not let this node in. */
  readonly onRefused: (trailers: Metadata) => void;
  readonly nowMs: () => number;
  readonly random: () => number;
  /** Most bytes handed to the stream and not yet passed on to the socket. */
  readonly queueBytesMax: number;
  /** Longest wait for a connection, and for any sign of life on one that was written to. */
  readonly silenceMs: number;
  /** Deadline of the unary calls. */
  readonly callTimeoutMs: number;
}

const reconnectFirstMs = 50;
const reconnectMaxMs = 1000;
/** Well above the largest append request, whose bytes the core bounds. */
const messageBytesMax = 16 * 1024 * 1024;

/**
 * The way to one peer: a long-lived append stream and unary calls beside it on one connection.
 * Opened by the first thing to send, closed when the peer refuses, errs or falls silent, opened
 * again after a pause. Nothing is kept for a peer that is away: what cannot be sent is dropped
 * and the core told, so a dead peer costs no memory.
 */
export class PeerConnection {
  readonly #options: PeerConnectionOptions;
  readonly #backoff: Backoff;
  #client: Client | undefined;
  #stream: AppendStream | undefined;
  #queuedBytes = 0;
  /** When something was first written that nothing has come back for. */
  #unansweredSinceMs: number | undefined;
  #retryAtMs = 0;
  #closed = false;

  constructor(options: PeerConnectionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(reconnectFirstMs, reconnectMaxMs, options.random);
  }

  /** Bytes written and not yet on their way. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Connects, unless it has or its pause lasts, so that whatever comes finds a way. */
  prepare(): void {
    if (this.#closed || this.#stream !== undefined) return;
    if (this.#options.nowMs() >= this.#retryAtMs) this.#open();
  }

  /** Writes one append request to the stream; false when it was dropped. */
  append(bytes: Uint8Array): boolean {
    if (!this.#ready()) return false;
    const stream = this.#stream!;
    if (this.#queuedBytes + bytes.length > this.#options.queueBytesMax) {
      this.#fail(`more than ${this.#options.queueBytesMax} bytes are queued`);
      return false;
    }
    this.#queuedBytes += bytes.length;
    stream.write(bytes, () => {
      if (this.#stream === stream) this.#queuedBytes -= bytes.length;
    });
    return true;
  }

  /** Makes one unary call. No answer is reported: the core asks again by itself. */
  call(method: UnaryPeerMethod, bytes: Uint8Array, onAnswer: (bytes: Uint8Array) => void): void {
    if (!this.#ready()) return;
    const { path, requestSerialize, responseDeserialize } = PEER_METHODS[method];
    const deadline = Date.now() + this.#options.callTimeoutMs;
    const client = this.#client!;
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      bytes,
      this.#options.metadata,
      { deadline },
      (error, answer) => {
        this.#lookAt(error);
        if (error !== null || answer === undefined || !accepted) return;
        if (this.#client === client) this.#unansweredSinceMs = undefined;
        onAnswer(answer);
      },
    );
    let accepted = false;
    call.on("metadata", (metadata) => {
      accepted = this.#options.refuse(metadata) === undefined;
    });
  }

  /** Connects anew, so that the peer looks at this node again; in a pause, when that is over. */
  renew(): void {
    if (this.#closed) return;
    this.#release();
    this.prepare();
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  /** Whether something may be written now; opens the connection when its time has come. */
  #ready(): boolean {
    if (this.#closed) return false;
    const now = this.#options.nowMs();
    if (this.#stream === undefined) {
      if (now < this.#retryAtMs) return false;
      this.#open();
    }
    if (this.#unansweredSinceMs === undefined) this.#unansweredSinceMs = now;
    if (now - this.#unansweredSinceMs <= this.#options.silenceMs) return true;
    // A cut network gives no error: the socket would try again ever more rarely, and a healed
    // network would find it waiting. A new connection is tried at a steady pace instead.
    this.#fail(`silent for ${this.#options.silenceMs} ms`);
    return false;
  }

  #open(): void {
    const { address, metadata, silenceMs } = this.#options;
    const { credentials, options } = this.#options.security();
    this.#client = new Client(address, credentials, {
      ...options,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.initial_reconnect_backoff_ms": reconnectMaxMs,
      "grpc.max_receive_message_length": messageBytesMax,
      "grpc.max_send_message_length": messageBytesMax,
      "grpc.enable_retries": 0,
      // Nobody misses an answer on a connection that is kept for later: it is asked for a sign.
      "grpc.keepalive_time_ms": silenceMs,
      "grpc.keepalive_timeout_ms": silenceMs,
      "grpc.service_config_disable_resolution": 1,
    });
    const { path, requestSerialize, responseDeserialize } = PEER_METHODS.streamAppendEntries;
    const stream = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
    );
    this.#stream = stream;
    this.#unansweredSinceMs = undefined;
    stream.on("metadata", (answer) => this.#greeted(stream, answer));
    stream.on("data", (bytes: Uint8Array) => {
      if (this.#stream !== stream) return;
      this.#unansweredSinceMs = undefined;
      this.#options.onAppendResponse(bytes);
    });
    stream.on("error", (error: ServiceError) => {
      if (this.#stream === stream) this.#lookAt(error);
      this.#ended(stream, error.message);
    });
    stream.on("status", ({ details }: StatusObject) => this.#ended(stream, details));
  }

  #greeted(stream: AppendStream, metadata: Metadata): void {
    if (this.#stream !== stream) return;
    const reason = this.#options.refuse(metadata);
    if (reason !== undefined) {
      this.#fail(reason);
      return;
    }
    this.#unansweredSinceMs = undefined;
    this.#backoff.succeeded();
  }

  #lookAt(error: ServiceError | null): void {
    if (error?.code === status.PERMISSION_DENIED) this.#options.onRefused(error.metadata);
  }

  #ended(stream: AppendStream, reason: string): void {
    if (this.#stream === stream) this.#fail(reason === "" ? "the stream ended" : reason);
  }

  #fail(reason: string): void {
    this.#release();
    this.#retryAtMs = this.#options.nowMs() + this.#backoff.nextMs();
    if (!this.#closed) this.#options.onLost(reason);
  }

  #release(): void {
    const stream = this.#stream;
    const client = this.#client;
    this.#stream = undefined;
    this.#client = undefined;
    this.#queuedBytes = 0;
    this.#unansweredSinceMs = undefined;
    stream?.cancel();
    client?.close();
  }
}
