import type { SnapshotLabel, SnapshotStore } from "@d-engine/core";
import { create, storage, toBinary } from "@d-engine/proto";
import type { Crc32 } from "@d-engine/storage";
import { Client, type ClientDuplexStream, type Metadata } from "@grpc/grpc-js";
import { channelTo, type PeerSecurity } from "./grpc-transport.js";
import { identityMetadata, type PeerIdentity, readIdentity, refusePeer } from "./handshake.js";
import { PEER_METHODS } from "./peer-methods.js";
import { type ChunkFrame, decodeChunk } from "./snapshot-codec.js";
import { type Ack, FINAL, requestAck, SnapshotReceipt } from "./snapshot-receipt.js";

export interface PullProgress {
  readonly label: SnapshotLabel;
  /** What is there of it. */
  readonly bytes: number;
}

export interface PullAttempt {
  readonly endpoint: string;
  readonly identity: PeerIdentity;
  readonly snapshots: SnapshotStore;
  readonly crc32: Crc32;
  /** @defaultValue plaintext, and nothing to prove */
  readonly security?: PeerSecurity | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (progress: PullProgress) => void;
}

/** Making a snapshot may take the leader a while. */
const silenceMs = 60_000;
const keepaliveMs = 10_000;
/** Well above the chunks that nodes send. */
const messageBytesMax = 16 * 1024 * 1024;

/** One StreamSnapshot call. Rejects with its status, keeping what has come for the next. */
export async function pullOnce(attempt: PullAttempt): Promise<SnapshotLabel> {
  const channel = channelTo(attempt.security, attempt.endpoint);
  const client = new Client(attempt.endpoint, channel.credentials, {
    ...channel.options,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": keepaliveMs,
    "grpc.service_config_disable_resolution": 1,
  });
  const { path, requestSerialize, responseDeserialize } = PEER_METHODS.streamSnapshot;
  const call = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    signedIdentity(attempt),
  );
  const cancel = (): void => call.cancel();
  const silence = setTimeout(cancel, silenceMs).unref();
  attempt.signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await receive(call, attempt, () => silence.refresh());
  } finally {
    attempt.signal?.removeEventListener("abort", cancel);
    clearTimeout(silence);
    call.on("error", () => undefined); // of a call that is over
    call.cancel();
    client.close();
  }
}

function signedIdentity({ identity, security }: PullAttempt): Metadata {
  const own = identityMetadata(identity);
  return security?.secret?.sign(own, identity) ?? own;
}

type Call = ClientDuplexStream<Uint8Array, Uint8Array>;

async function receive(
  call: Call,
  attempt: PullAttempt,
  onHeard: () => void,
): Promise<SnapshotLabel> {
  let stranger: string | undefined;
  call.on("metadata", (metadata: Metadata) => {
    stranger = refuseAnswer(attempt, metadata);
    if (stranger !== undefined) call.cancel();
  });
  let receipt: SnapshotReceipt | undefined;
  let isCommitted = false;
  try {
    send(call, requestAck(0));
    for await (const bytes of call) {
      onHeard();
      const frame = decodeChunk(bytes as Uint8Array);
      if (receipt === undefined) {
        const { label } = metadataOf(frame);
        if (isSame(attempt.snapshots.newest, label)) return label;
        receipt = await SnapshotReceipt.begin(attempt.snapshots, metadataOf(frame), attempt.crc32);
        if (receipt.wanted > 0 && !receipt.isComplete) send(call, requestAck(receipt.wanted));
      }
      const ack = receipt.isComplete ? undefined : await receipt.take(frame);
      if (ack !== undefined) send(call, ack);
      attempt.onProgress(receipt);
      if (!receipt.isComplete) continue;
      isCommitted = true; // or given up: nothing is left to go on with
      const label = await receipt.commit();
      send(call, FINAL);
      return label;
    }
    throw new Error("the leader ended the call before the snapshot was complete");
  } catch (error) {
    if (stranger !== undefined) throw new Error(stranger, { cause: error });
    throw error;
  } finally {
    if (!isCommitted) await receipt?.suspend();
  }
}

function metadataOf({ metadata }: ChunkFrame) {
  if (metadata === undefined) throw new RangeError("the first chunk has no metadata");
  return metadata;
}

function isSame(a: SnapshotLabel | undefined, b: SnapshotLabel): boolean {
  if (a === undefined || a.bytes !== b.bytes) return false;
  if (a.lastIncluded.index !== b.lastIncluded.index) return false;
  return (
    a.lastIncluded.term === b.lastIncluded.term && Buffer.compare(a.checksum, b.checksum) === 0
  );
}

function send(call: Call, ack: Ack): void {
  call.write(toBinary(storage.SnapshotAckSchema, create(storage.SnapshotAckSchema, ack)));
}

/** The answering node must be of the same cluster; which of its members leads is its to say. */
function refuseAnswer(attempt: PullAttempt, metadata: Metadata): string | undefined {
  const read = readIdentity(metadata);
  if (read.kind === "malformed") return read.reason;
  const unproven = attempt.security?.secret?.refuse(metadata, read.identity);
  if (unproven !== undefined) return unproven;
  return refusePeer(attempt.identity, read.identity, { instanceOf: () => undefined });
}
