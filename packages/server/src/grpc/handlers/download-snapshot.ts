import { EngineError, type SnapshotFile } from "@d-engine/core";
import { create, admin as proto, toBinary } from "@d-engine/proto";
import { type handleServerStreamingCall, Metadata, type ServerWritableStream } from "@grpc/grpc-js";
import { type AdminNode, saveFreshSnapshot } from "../../admin/admin-node.js";
import type { Callers } from "../../auth/callers.js";
import type { LocalNode } from "../../driver/local-node.js";
import { decodeRequest } from "../decode-request.js";
import type { BugListener } from "../unary-call.js";
import { isAnswer, ownNumberOf, serviceErrorOf } from "../wire-status.js";
import { wireInfo } from "./save-snapshot.js";

type Call = ServerWritableStream<Buffer, Uint8Array>;

const pieceBytes = 256 * 1024;
/** Each holds a snapshot on the disk. */
const downloadsMax = 4;

/** Makes a snapshot and sends the file, as fast as it is read at the other end. */
export function downloadSnapshot(
  node: LocalNode,
  admin: AdminNode,
  callers: Callers,
  onBug: BugListener,
): handleServerStreamingCall<Buffer, Uint8Array> {
  let open = 0;
  return async (call) => {
    call.on("error", () => undefined); // how the call ends; the library sends it
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort(new EngineError("CLOSED", "the caller has gone")));
    open++;
    try {
      node.auth.checkRoot(callers.of(call.metadata), "take backups, which hold every key");
      if (open > downloadsMax) throw tooMany();
      call.sendMetadata(new Metadata());
      const { eventual } = decodeRequest(proto.DownloadSnapshotRequestSchema, call.request);
      await saveFreshSnapshot(node, admin, { eventual, signal: gone.signal });
      await send(call, await admin.openSnapshot(), gone.signal);
      call.end();
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!isAnswer(error)) onBug(error, call.getPath());
      call.emit("error", serviceErrorOf(error, ownNumberOf));
    } finally {
      open--;
    }
  };
}

async function send(call: Call, file: SnapshotFile, gone: AbortSignal): Promise<void> {
  try {
    await write(call, create(proto.SnapshotPieceSchema, { snapshot: wireInfo(file.label) }), gone);
    for await (const data of file.pieces(pieceBytes)) {
      await write(call, create(proto.SnapshotPieceSchema, { data }), gone);
    }
  } finally {
    await file.close();
  }
}

/** Resolves when the piece is on its way; a reader that is stuck holds it up until it goes. */
function write(call: Call, piece: proto.SnapshotPiece, gone: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    gone.throwIfAborted();
    const onGone = (): void => reject(gone.reason);
    gone.addEventListener("abort", onGone, { once: true });
    call.write(toBinary(proto.SnapshotPieceSchema, piece), (error?: Error | null) => {
      gone.removeEventListener("abort", onGone);
      if (error) reject(error);
      else resolve();
    });
  });
}

function tooMany(): EngineError {
  return new EngineError(
    "RATE_LIMITED",
    `${downloadsMax} backups are being taken of this node; ask another, or again later`,
    { retryAfterMs: 1_000 },
  );
}
