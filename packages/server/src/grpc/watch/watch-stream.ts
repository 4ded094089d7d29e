import { joinWatchAnswers } from "@d-engine/codec";
import { assertNever, EngineError } from "@d-engine/core";
import { kvService } from "@d-engine/proto";
import type { handleBidiStreamingCall, ServerDuplexStream } from "@grpc/grpc-js";
import type { Callers } from "../../auth/callers.js";
import type { Caller } from "../../driver/caller.js";
import type { LocalNode, LocalWatch, WatchSpec } from "../../driver/index.js";
import { concernsWatch } from "../../watch/watch-errors.js";
import { decodeRequest } from "../decode-request.js";
import type { GrpcLimits } from "../limits.js";
import { ownNumberOf, serviceErrorOf } from "../wire-status.js";
import type { EndStream, OpenWatches, WatchStream } from "./open-watches.js";
import { encodeCanceled, encodeCreated, WatchMessageEncoder } from "./watch-messages.js";
import { WatchPump } from "./watch-pump.js";
import type { WatchQuota } from "./watch-quota.js";

type Call = ServerDuplexStream<Buffer, Uint8Array>;

/** `d_engine.kv.v1.KvService.Watch`: many watches over one stream, on every role. */
export function kvWatch(
  node: LocalNode,
  limits: GrpcLimits,
  watches: OpenWatches,
  callers: Callers,
): handleBidiStreamingCall<Buffer, Uint8Array> {
  const encoder = new WatchMessageEncoder();
  return (call) =>
    watches.serve(
      call,
      (end) => {
        const stream = new ManyWatches(call, node, limits, encoder, callers, watches.quota, end);
        call.on("data", (bytes: Buffer) => stream.receive(bytes));
        call.on("end", () => stream.inputEnded());
        return stream;
      },
      (error) => serviceErrorOf(error, ownNumberOf),
    );
}

/**
 * One stream. A client that does not read is not read from either, so that answers to its requests
 * are bounded too. One that closes its side keeps its watches, until the last of them has ended.
 */
class ManyWatches implements WatchStream {
  readonly #node: LocalNode;
  readonly #caller: Caller;
  readonly #peer: string;
  readonly #quota: WatchQuota;
  readonly #encoder: WatchMessageEncoder;
  readonly #end: EndStream;
  readonly #pump: WatchPump;
  readonly #watches = new Map<bigint, LocalWatch>();
  #inputEnded = false;

  constructor(
    call: Call,
    node: LocalNode,
    limits: GrpcLimits,
    encoder: WatchMessageEncoder,
    callers: Callers,
    quota: WatchQuota,
    end: EndStream,
  ) {
    this.#peer = call.getPeer();
    this.#quota = quota;
    this.#node = node;
    this.#caller = callers.of(call.metadata);
    this.#encoder = encoder;
    this.#end = end;
    this.#pump = new WatchPump({
      write: (bytes, sent) => void call.write(bytes, () => sent()),
      unsentBytesMax: limits.watchUnsentBytesMax,
      behind: (isBehind) => void call[isBehind ? "pause" : "resume"](),
    });
  }

  receive(bytes: Uint8Array): void {
    try {
      const { request } = decodeRequest(kvService.WatchStreamRequestSchema, bytes);
      switch (request.case) {
        case "create":
          this.#create(request.value);
          break;
        case "cancel":
          this.#cancel(request.value);
          break;
        case "progress":
          // Of one that has ended meanwhile the client learns by what is under way to it.
          this.#watches.get(request.value)?.requestProgress();
          break;
        case undefined: {
          const message = "the stream was sent a request of no kind that this version knows";
          throw new EngineError("INVALID_REQUEST", message);
        }
        default:
          assertNever(request);
      }
    } catch (error) {
      this.#end(error);
    }
  }

  inputEnded(): void {
    this.#inputEnded = true;
    this.#endIfIdle();
  }

  closed(): void {
    this.#pump.stop();
    for (const [id, watch] of this.#watches) {
      this.#forget(id);
      watch.close();
    }
  }

  #create(wanted: kvService.WatchCreate): void {
    const { id } = wanted;
    if (id > Number.MAX_SAFE_INTEGER) {
      const message = `the id of a watch is at most 2^53 - 1, got ${id}: choose smaller ones`;
      throw new EngineError("INVALID_REQUEST", message);
    }
    if (this.#watches.has(id)) {
      const message = `the stream has a watch ${id} already: each needs an id of its own`;
      throw new EngineError("INVALID_REQUEST", message);
    }
    let watch: LocalWatch;
    try {
      const options = { caller: this.#caller };
      watch = this.#quota.open(this.#peer, () => this.#node.watch(specOf(wanted), options));
    } catch (error) {
      if (!concernsWatch(error)) throw error;
      this.#pump.send(encodeCanceled(id, error));
      return;
    }
    this.#watches.set(id, watch);
    if (wanted.joined) this.#pump.join = joinWatchAnswers;
    this.#pump.send(encodeCreated(id, watch.revision));
    this.#pump.add({
      watch,
      encode: (message) => [this.#encoder.encode(id, message)],
      ended: (error) => this.#ended(id, error),
    });
  }

  #cancel(id: bigint): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#forget(id);
    watch.close();
    this.#pump.send(encodeCanceled(id, undefined));
    this.#endIfIdle();
  }

  #ended(id: bigint, error: unknown): void {
    if (!concernsWatch(error)) {
      this.#end(error);
      return;
    }
    this.#forget(id);
    this.#pump.send(encodeCanceled(id, error));
    this.#endIfIdle();
  }

  #forget(id: bigint): void {
    if (this.#watches.delete(id)) this.#quota.leave(this.#peer);
  }

  #endIfIdle(): void {
    if (this.#inputEnded && this.#watches.size === 0) this.#end();
  }
}

function specOf(wanted: kvService.WatchCreate): WatchSpec {
  const { key, rangeEnd, startRevision, prevKv, noPut, noDelete, progress } = wanted;
  // One beyond the numbers of the store is refused by the node, as every other wrong one.
  const start = Number(startRevision);
  return {
    key,
    rangeEnd,
    startRevision: start,
    prevKv,
    noPut,
    noDelete,
    progress,
    needsLeader: true,
  };
}
