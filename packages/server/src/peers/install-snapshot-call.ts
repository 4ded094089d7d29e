import type { InstallSnapshot, InstallSnapshotResponse, NodeId } from "@d-engine/core";
import { type handleClientStreamingCall, type ServerReadableStream, status } from "@grpc/grpc-js";
import { refusalStatus } from "./admission.js";
import type { GrpcTransport } from "./grpc-transport.js";
import { InstallWindow } from "./install-window.js";
import { decodeChunk, encodeSnapshotResponse, snapshotTag } from "./snapshot-codec.js";

type Call = ServerReadableStream<Uint8Array, Uint8Array>;

/** Calls of one peer at a time: its present one, and one whose connection it has given up. */
const callsPerPeerMax = 2;

/**
 * Takes one InstallSnapshot call. What our leaders send is one message for the node; a call with
 * more than `installBytesMax` becomes several, the next when the node has answered the last, and
 * ends with the answer that does not ask for the chunk that follows.
 */
export function installSnapshotHandler(
  transport: GrpcTransport,
): handleClientStreamingCall<Uint8Array, Uint8Array> {
  const open = new Map<NodeId, number>();
  return (call, respond) => {
    call.on("error", () => undefined); // a broken connection shows at the peer
    const admitted = transport.admit(call.metadata);
    if ("reason" in admitted) {
      respond(refusalStatus(admitted, transport.ownMetadata()));
      return;
    }
    const from = admitted.peer.nodeId;
    const count = open.get(from) ?? 0;
    if (count >= callsPerPeerMax) {
      const details = `${count} calls of node ${from} with a snapshot are under way`;
      respond({ code: status.RESOURCE_EXHAUSTED, details });
      return;
    }
    open.set(from, count + 1);
    call.sendMetadata(transport.ownMetadata());
    receive(call, from, transport)
      .then(
        (answer) => respond(null, encodeSnapshotResponse(answer)),
        (error: unknown) => {
          if (call.cancelled) return;
          transport.metrics.malformedMessages++;
          const details = `the snapshot of node ${from} cannot be read: ${String(error)}`;
          respond({ code: status.INVALID_ARGUMENT, details });
        },
      )
      .finally(() => {
        const rest = open.get(from)! - 1;
        if (rest > 0) open.set(from, rest);
        else open.delete(from);
      });
  };
}

async function receive(
  call: Call,
  from: NodeId,
  transport: GrpcTransport,
): Promise<InstallSnapshotResponse> {
  const window = new InstallWindow(from, transport.installBytesMax);
  let answer: InstallSnapshotResponse | undefined;
  for await (const bytes of call.iterator({ destroyOnReturn: false })) {
    window.add(decodeChunk(bytes as Uint8Array));
    if (!window.isFull) continue;
    const message = window.take()!;
    answer = await ask(call, transport, message);
    const goesOn = answer.term <= message.term && answer.nextChunk === window.nextSequence;
    if (answer.installed || !goesOn) return answer;
  }
  const rest = window.take();
  if (rest !== undefined) return await ask(call, transport, rest);
  if (answer === undefined) throw new RangeError("it has no chunk");
  return answer;
}

/** Hands the message to the node. Rejects when the caller has gone: the node may not answer. */
function ask(
  call: Call,
  transport: GrpcTransport,
  message: InstallSnapshot,
): Promise<InstallSnapshotResponse> {
  return new Promise((resolve, reject) => {
    const from = message.leaderId;
    const gone = (): void => {
      forget();
      reject(new Error("the caller has gone"));
    };
    const forget = transport.pending.add(from, {
      kind: "installSnapshotResponse",
      tag: snapshotTag(message.label.lastIncluded),
      answer: (answer) => {
        call.off("cancelled", gone);
        resolve(answer as InstallSnapshotResponse);
      },
    });
    call.once("cancelled", gone);
    if (call.cancelled) gone();
    else transport.deliver(from, message);
  });
}
