import { session } from "@d-engine/proto";
import { type Client, type Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { asBuffer, asIs, pathOf } from "../grpc-bytes.js";
import type { MessageStream, MessageStreamEnd, MessageStreamListener } from "./message-stream.js";

/** Opens a session's stream over gRPC. */
export function openGrpcStream(
  client: Client,
  address: string,
  metadata: Metadata,
  listener: MessageStreamListener,
): MessageStream {
  const call = client.makeBidiStreamRequest(path, asBuffer, asIs, metadata, {});
  call.on("data", (message: Buffer) => listener.received(message));
  // Told by the status, which comes in any case; without a listener the process would end.
  call.on("error", () => undefined);
  call.on("status", (end: StatusObject) => listener.ended(endOf(address, end)));
  return {
    send: (message) => void call.write(message),
    end: () => void call.end(),
    cancel: () => call.cancel(),
  };
}

const path = pathOf(session.SessionService.method.session);

function endOf(address: string, { code, details }: StatusObject): MessageStreamEnd {
  if (code === status.OK) return { kind: "over", message: `${address}: the session ended` };
  const message = `${address}: ${status[code]}: ${details}`;
  if (code === status.UNIMPLEMENTED) return { kind: "unknown", message };
  return { kind: code === status.RESOURCE_EXHAUSTED ? "refused" : "over", message };
}
