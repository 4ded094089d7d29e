import type { ChannelSecurity } from "@d-engine/client";
import type { InstallSnapshot, NodeId } from "@d-engine/core";
import { Client, type ClientWritableStream, type Metadata } from "@grpc/grpc-js";
import { PEER_METHODS } from "./peer-methods.js";
import { encodeInstallSnapshot } from "./snapshot-codec.js";

export interface SnapshotCallsOptions {
  readonly peer: NodeId;
  /** `host:port`. */
  readonly address: string;
  readonly security: () => ChannelSecurity;
  /** Sent with every call: who this node is. */
  readonly metadata: Metadata;
  /** Why the answering node is not the one meant; `undefined` when it is. */
  readonly refuse: (metadata: Metadata) => string | undefined;
  readonly onAnswer: (bytes: Uint8Array, request: InstallSnapshot) => void;
  /** The message is lost, as any may be. */
  readonly onFailed: (reason: string) => void;
  /** For one call as a whole, chunks and all. */
  readonly callTimeoutMs: number;
  /** For the answer, once everything is sent. */
  readonly answerTimeoutMs: number;
}

/** An open connection that nobody uses would be asked for signs of life for ever. */
const idleTimeoutMs = 30_000;
const keepaliveMs = 10_000;

/**
 * Sends snapshots to one peer, one message and so one call at a time. On a connection of its own:
 * behind megabytes of chunks a heartbeat would come too late.
 */
export class SnapshotCalls {
  readonly #options: SnapshotCallsOptions;
  #client: Client | undefined;
  #call: ClientWritableStream<Uint8Array> | undefined;
  #answerTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SnapshotCallsOptions) {
    this.#options = options;
  }

  /** False when the message was dropped, because the one before it is still under way. */
  install(message: InstallSnapshot): boolean {
    if (this.#closed || this.#call !== undefined) return false;
    this.#client ??= this.#open();
    const { metadata, callTimeoutMs, refuse, onAnswer } = this.#options;
    const { path, requestSerialize, responseDeserialize } = PEER_METHODS.installSnapshot;
    let accepted = false;
    const call = this.#client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      { deadline: Date.now() + callTimeoutMs },
      (error, answer) => {
        if (this.#call !== call) return;
        this.#call = undefined;
        clearTimeout(this.#answerTimer);
        if (error !== null) this.#failed(error.message);
        else if (accepted && answer !== undefined) onAnswer(answer, message);
        else this.#failed("another node answered");
      },
    );
    this.#call = call;
    call.on("metadata", (answered) => {
      accepted = refuse(answered) === undefined;
    });
    // The callback above tells of it; without a listener it would end the process.
    call.on("error", () => undefined);
    this.#write(call, encodeInstallSnapshot(message));
    return true;
  }

  close(): void {
    this.#closed = true;
    const call = this.#call;
    this.#call = undefined;
    clearTimeout(this.#answerTimer);
    call?.cancel();
    this.#client?.close();
    this.#client = undefined;
  }

  /** The next chunk is encoded when the one before is on its way. */
  #write(call: ClientWritableStream<Uint8Array>, frames: Iterator<Uint8Array, undefined>): void {
    if (this.#call !== call) return;
    const frame = frames.next();
    if (frame.value === undefined) {
      call.end();
      this.#awaitAnswer(call);
    } else call.write(frame.value, () => this.#write(call, frames));
  }

  /**
   * A node that has nothing to say to a message, as while it ends another receipt, leaves it
   * without an answer. The call must not keep the next message back for as long as it may last.
   */
  #awaitAnswer(call: ClientWritableStream<Uint8Array>): void {
    this.#answerTimer = setTimeout(() => call.cancel(), this.#options.answerTimeoutMs);
    this.#answerTimer.unref();
  }

  #failed(reason: string): void {
    this.#client?.close();
    this.#client = undefined;
    this.#options.onFailed(reason);
  }

  #open(): Client {
    const { credentials, options } = this.#options.security();
    return new Client(this.#options.address, credentials, {
      ...options,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_send_message_length": -1,
      "grpc.enable_retries": 0,
      "grpc.keepalive_time_ms": keepaliveMs,
      "grpc.keepalive_timeout_ms": keepaliveMs,
      "grpc.client_idle_timeout_ms": idleTimeoutMs,
      "grpc.service_config_disable_resolution": 1,
    });
  }
}
