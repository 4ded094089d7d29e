import { isEngineError, type NodeId, type Term } from "@d-engine/core";
import { fromBinary, storage } from "@d-engine/proto";
import { type handleBidiStreamingCall, type ServerDuplexStream, status } from "@grpc/grpc-js";
import { leaderTrailers, serviceErrorOf } from "../grpc/wire-status.js";
import type { GrpcTransport } from "./grpc-transport.js";
import { type SendingOptions, SnapshotSending } from "./snapshot-sending.js";
import type { SnapshotSource } from "./snapshot-source.js";

type Call = ServerDuplexStream<Uint8Array, Uint8Array>;

export interface StreamSnapshotOptions extends SendingOptions {
  /** Learners that are served at a time. */
  readonly callsMax: number;
  /** Silence after which a learner is given up: it holds a snapshot open. */
  readonly silenceMs: number;
}

export const STREAM_SNAPSHOT_DEFAULTS: StreamSnapshotOptions = Object.freeze({
  chunkBytes: 256 * 1024,
  windowChunks: 16,
  bytesPerSecondMax: Number.POSITIVE_INFINITY,
  callsMax: 4,
  silenceMs: 30_000,
});

/**
 * Sends the leader's newest snapshot to a learner that asks for it (StreamSnapshot of the
 * contract). The learner steers by acknowledgements, and ends the call with one for the whole.
 */
export function streamSnapshotHandler(
  transport: GrpcTransport,
  source: SnapshotSource,
  options: StreamSnapshotOptions,
): handleBidiStreamingCall<Uint8Array, Uint8Array> {
  let open = 0;
  return (call) => {
    call.on("error", () => call.end()); // a broken connection shows at the learner
    const fail = (code: status, details: string): void => {
      call.emit("error", { code, details, metadata: leaderTrailers(source.leaderHint()) });
    };
    const admitted = transport.admit(call.metadata);
    if ("reason" in admitted) {
      fail(status.PERMISSION_DENIED, admitted.reason);
      return;
    }
    const term = source.leadingTerm();
    if (term === undefined) {
      const { nodeId } = transport.identity;
      fail(status.FAILED_PRECONDITION, `node ${nodeId} does not lead, and only leaders send`);
      return;
    }
    if (open >= options.callsMax) {
      const details = `${open} learners are being sent a snapshot; ask again when one is done`;
      fail(status.RESOURCE_EXHAUSTED, details);
      return;
    }
    open++;
    call.sendMetadata(transport.ownMetadata());
    serve(call, { term, leaderId: transport.identity.nodeId }, source, options)
      .then(
        () => call.end(),
        (error: unknown) => {
          if (error instanceof RangeError) fail(status.INVALID_ARGUMENT, error.message);
          else if (isEngineError(error)) call.emit("error", serviceErrorOf(error));
          else fail(status.ABORTED, String(error));
        },
      )
      .finally(() => {
        open--;
      });
  };
}

async function serve(
  call: Call,
  leader: { readonly term: Term; readonly leaderId: NodeId },
  source: SnapshotSource,
  options: StreamSnapshotOptions,
): Promise<void> {
  const file = await source.openSnapshot();
  const sending = new SnapshotSending(file, leader, options, (bytes) => write(call, bytes));
  const silence = new Silence(options.silenceMs);
  try {
    await Promise.race([obey(call, sending, silence), sending.failed, silence.over]);
  } finally {
    silence.stop();
    await sending.stop();
    await file.close();
  }
}

/** Resolves when the learner has ended the call. */
async function obey(call: Call, sending: SnapshotSending, silence: Silence): Promise<void> {
  for await (const bytes of call.iterator({ destroyOnReturn: false })) {
    silence.heard();
    if (sending.acknowledged(decodeAck(bytes as Uint8Array)) === "over") return;
  }
}

function decodeAck(bytes: Uint8Array): storage.SnapshotAck {
  try {
    return fromBinary(storage.SnapshotAckSchema, bytes);
  } catch (error) {
    throw new RangeError(`an acknowledgement cannot be read: ${String(error)}`);
  }
}

/** Resolves when the chunk is on its way; a learner that does not read holds it up. */
function write(call: Call, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    call.write(bytes, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}

/** Rejects `over` when nothing was heard for a while. */
class Silence {
  readonly over: Promise<never>;
  readonly #timer: NodeJS.Timeout;

  constructor(silenceMs: number) {
    const { promise, timer } = startSilence(silenceMs);
    this.over = promise;
    this.#timer = timer;
  }

  heard(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function startSilence(silenceMs: number): {
  readonly promise: Promise<never>;
  readonly timer: NodeJS.Timeout;
} {
  let reject: (reason: Error) => void;
  const promise = new Promise<never>((_, fail) => {
    reject = fail;
  });
  const tooLong = new Error(`the learner was silent for ${silenceMs} ms`);
  return { promise, timer: setTimeout(() => reject(tooLong), silenceMs).unref() };
}
