import { type EngineError, isEngineError } from "@d-engine/core";
import { client } from "@d-engine/proto";
import { type Client, Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";
import { failureOfStatus } from "../call-failure.js";
import type {
  TransportFailure,
  TransportStreamKind,
  TransportStreamMessages,
  TransportStreamRequestOf,
} from "../client-transport.js";
import { asBuffer, asIs, pathOf } from "../grpc-bytes.js";
import { decodeMembershipSnapshot } from "../wire-messages.js";
import type { InboundStream } from "./inbound-stream.js";

/** How one kind of stream stands on the wire. */
interface StreamForm<Kind extends TransportStreamKind> {
  readonly path: string;
  encode(request: TransportStreamRequestOf<Kind>): Uint8Array;
  decode(body: Uint8Array): TransportStreamMessages[Kind];
}

const FORMS: { readonly [Kind in TransportStreamKind]: StreamForm<Kind> } = {
  watchMembership: {
    path: pathOf(client.RaftClientService.method.watchMembership),
    encode: () => new Uint8Array(0), // this client has no id
    decode: decodeMembershipSnapshot,
  },
};

/**
 * Opens a stream on a channel that is up, and feeds `stream` from it. What the consumer does not
 * take stays with the node: the library reads on only when it is told to.
 */
export function startGrpcStream<Kind extends TransportStreamKind>(
  channel: Client,
  address: string,
  request: TransportStreamRequestOf<Kind>,
  stream: InboundStream<TransportStreamMessages[Kind]>,
): void {
  if (stream.isOver) return;
  const form: StreamForm<Kind> = FORMS[request.kind as Kind];
  const call = channel.makeServerStreamRequest(
    form.path,
    asBuffer,
    asIs,
    form.encode(request),
    new Metadata(),
    {},
  );
  stream.from({
    pause: () => void call.pause(),
    resume: () => void call.resume(),
    cancel: () => call.cancel(),
  });
  call.on("data", (body: Buffer) => {
    try {
      stream.received(form.decode(body), body.length);
    } catch (error) {
      stream.ended(unreadable(address, error));
      call.cancel();
    }
  });
  // Told by the status, which comes in any case; without a listener the process would end.
  call.on("error", () => undefined);
  // Behind the data that is not read yet: `end` and `error` are, the status is not.
  let over: StatusObject | undefined;
  call.on("status", (end: StatusObject) => {
    over = end;
  });
  call.on("close", () => stream.ended(failureOf(address, over)));
}

function failureOf(address: string, end: StatusObject | undefined): TransportFailure {
  if (end === undefined || end.code === status.OK) {
    return { kind: "lost", message: `${address}: the stream has ended` };
  }
  const { code, details, metadata } = end;
  return failureOfStatus(address, { code, details, metadata } as ServiceError);
}

function unreadable(address: string, error: unknown): TransportFailure {
  if (!isEngineError(error)) throw error;
  const { code, message, cause }: EngineError = error;
  return { kind: "refused", code, message: `${address}: ${message}`, cause };
}
