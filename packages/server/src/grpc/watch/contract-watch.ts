import { stringToKey } from "@d-engine/codec";
import { type KvEvent, recordValue } from "@d-engine/kv";
import { client, create, toBinary, error as wire } from "@d-engine/proto";
import type { handleServerStreamingCall } from "@grpc/grpc-js";
import type { Callers } from "../../auth/callers.js";
import { type LocalNode, prefixSpan, type WatchMessage } from "../../driver/index.js";
import { concernsWatch } from "../../watch/watch-errors.js";
import { decodeRequest } from "../decode-request.js";
import type { GrpcLimits } from "../limits.js";
import type { OpenWatches } from "./open-watches.js";
import { WatchPump } from "./watch-pump.js";

/**
 * The contract's `Watch`, on every role: events from now on, one a message; progress while there are
 * none. A watch that loses events ends with a CANCELED event, and the stream then ends well.
 */
export function contractWatch(
  node: LocalNode,
  limits: GrpcLimits,
  watches: OpenWatches,
  callers: Callers,
): handleServerStreamingCall<Buffer, Uint8Array> {
  return (call) =>
    watches.serve(call, (end) => {
      const request = decodeRequest(client.WatchRequestSchema, call.request);
      const { key, prefix, prevKv } = request;
      const span = prefix ? prefixSpan(key) : { key, rangeEnd: undefined };
      const caller = callers.of(call.metadata);
      const spec = { ...span, prevKv, progress: true, needsLeader: true };
      const peer = call.getPeer();
      const watch = watches.quota.open(peer, () => node.watch(spec, { caller }));
      let reached = watch.revision;
      const pump = new WatchPump({
        write: (bytes, sent) => void call.write(bytes, () => sent()),
        unsentBytesMax: limits.watchUnsentBytesMax,
        // There is nothing more that this caller could ask for.
        behind: () => undefined,
      });
      pump.add({
        watch,
        encode: (message) => {
          reached = message.revision;
          return encoded(message);
        },
        ended: (error) => {
          // It has no number for what is not allowed, and no way out to offer.
          if (!concernsWatch(error) || error.code === "PERMISSION_DENIED") {
            end(error);
            return;
          }
          pump.send(canceled(reached));
          end();
        },
      });
      return {
        closed: () => {
          pump.stop();
          watch.close();
          watches.quota.leave(peer);
        },
      };
    });
}

function encoded(message: WatchMessage): Uint8Array[] {
  if (message.kind === "events") return message.events.map(encodedEvent);
  const progress = create(client.WatchResponseSchema, {
    eventType: client.WatchEventType.PROGRESS,
    revision: BigInt(message.revision),
  });
  return [toBinary(client.WatchResponseSchema, progress)];
}

function encodedEvent({ revision, key, record, previous }: KvEvent): Uint8Array {
  const { PUT, DELETE } = client.WatchEventType;
  const response = create(client.WatchResponseSchema, {
    key: stringToKey(key),
    eventType: record === undefined ? DELETE : PUT,
    revision: BigInt(revision),
    ...(record === undefined ? {} : { value: recordValue(record) }),
    ...(previous === undefined ? {} : { prevValue: recordValue(previous) }),
  });
  return toBinary(client.WatchResponseSchema, response);
}

/**
 * The contract has one number for events that are lost, whether the reader was slow or the history
 * is gone, and one way out: read again, and watch again.
 */
function canceled(revision: number): Uint8Array {
  const response = create(client.WatchResponseSchema, {
    eventType: client.WatchEventType.CANCELED,
    error: wire.ErrorCode.WATCH_BUFFER_OVERFLOW,
    revision: BigInt(revision),
  });
  return toBinary(client.WatchResponseSchema, response);
}
