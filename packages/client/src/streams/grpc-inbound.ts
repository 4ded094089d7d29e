import { type EngineError, isEngineError } from "@d-engine/core";
import { client, kvService } from "@d-engine/proto";
import {
  type Client,
  type Metadata,
  type ServiceError,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { failureOfStatus } from "../call-failure.js";
import type {
  TransportFailure,
  TransportStreamInputs,
  TransportStreamKind,
  TransportStreamMessages,
} from "../client-transport.js";
import { asBuffer, asIs, pathOf } from "../grpc-bytes.js";
import { decodeWatchOutputs, encodeWatchInput } from "../watch/watch-wire.js";
import { decodeMembershipSnapshot } from "../wire-messages.js";
import type { InboundStream } from "./inbound-stream.js";

/** How one kind of stream stands on the wire. */
interface StreamForm<Kind extends TransportStreamKind> {
  readonly path: string;
  /** The one request of a stream that only the node sends in; `undefined`: both sides send. */
  readonly request: Uint8Array | undefined;
  encode(input: TransportStreamInputs[Kind]): Uint8Array;
  /** What one message on the wire brings, in order. */
  decode(body: Uint8Array): readonly TransportStreamMessages[Kind][];
}

const FORMS: { readonly [Kind in TransportStreamKind]: StreamForm<Kind> } = {
  watchMembership: {
    path: pathOf(client.RaftClientService.method.watchMembership),
    request: new Uint8Array(0), // this client has no id
    encode: (input) => input,
    decode: (body) => [decodeMembershipSnapshot(body)],
  },
  watch: {
    path: pathOf(kvService.KvService.method.watch),
    request: undefined,
    encode: encodeWatchInput,
    decode: decodeWatchOutputs,
  },
};

/** Looks at how a stream ended before its reader does. */
export type ReviewFailure = (failure: TransportFailure) => Promise<TransportFailure>;

/**
 * Opens a stream on a channel that is up, and feeds `stream` from it. What the consumer does not
 * take stays with the node: the library reads on only when it is told to.
 */
export function startGrpcStream<Kind extends TransportStreamKind>(
  channel: Client,
  address: string,
  kind: Kind,
  metadata: Metadata,
  stream: InboundStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]>,
  review: ReviewFailure,
): void {
  if (stream.isOver) return;
  const form: StreamForm<Kind> = FORMS[kind];
  // One request and no more is what a stream of one side looks like on the wire, too.
  const call = channel.makeBidiStreamRequest(form.path, asBuffer, asIs, metadata, {});
  if (form.request !== undefined) call.end(form.request);
  stream.from({
    send: (input) => void call.write(form.encode(input)),
    pause: () => void call.pause(),
    resume: () => void call.resume(),
    cancel: () => call.cancel(),
  });
  call.on("data", (body: Buffer) => {
    try {
      const messages = form.decode(body);
      for (const each of messages) stream.received(each, body.length / messages.length);
    } catch (error) {
      stream.ended(unreadable(address, error));
      call.cancel();
    }
  });
  // Told by the status, which comes in any case; without a listener the process would end.
  call.on("error", () => undefined);
  // Behind data that is not read yet, as `status` is not; and `close` would wait for our own side of
  // a stream in which both send, which ends only when this one is known to have ended.
  let over: StatusObject | undefined;
  call.on("status", (end: StatusObject) => {
    over = end;
  });
  call.on("end", () => {
    void review(failureOf(address, over)).then((failure) => stream.ended(failure));
  });
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
