import { AbstractKvClient, type WatchEvent } from "@d-engine/client";
import { EngineError, isEngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { isPassing, REPEAT_PAUSE_MS } from "../internal/passing-errors.js";
import { pause } from "../internal/waiting.js";
import type { QueueKeys } from "./queue-keys.js";
import { type QueueView, readQueue } from "./read-queue.js";

export interface Waiting {
  readonly client: CoordinationClient;
  readonly keys: QueueKeys;
  /** The key of the place that waits. */
  readonly place: string;
  readonly signal: AbortSignal;
}

/**
 * Waits until a place is one of the first; `lost` when it is gone, whoever left before it (scenario
 * 72). Where one alone can hold, each waits for the one just before it, so that an end wakes one and
 * not all; that one looks again, as who was before it may have given up. Otherwise any of those ahead
 * may be the next to leave, and all are watched, which costs the cluster nothing but the telling.
 */
export async function awaitTurn(waiting: Waiting): Promise<"held" | "lost"> {
  const { client, keys, place, signal } = waiting;
  const clock = AbstractKvClient.clockOf(client);
  for (;;) {
    try {
      const view = await readQueue(client, keys, place, signal);
      if (!view.isThere) return "lost";
      if (view.ahead.length < keys.limit) return "held";
      if (keys.limit === 1) await predecessorLeft(waiting, view);
      else return await enoughLeft(waiting, view);
    } catch (error) {
      signal.throwIfAborted();
      // History that is compacted meanwhile is not needed: the queue is read anew.
      if (!isPassing(error) && !isEngineError(error, "COMPACTED")) throw error;
      await pause(clock, REPEAT_PAUSE_MS, signal);
    }
  }
}

async function predecessorLeft(waiting: Waiting, { ahead, revision }: QueueView): Promise<void> {
  const options = { fromRevision: revision + 1, only: "delete", signal: waiting.signal } as const;
  for await (const _ of waiting.client.watch(ahead.at(-1) ?? "", options)) return;
  throw watchEnded(waiting.keys);
}

/** Counts down who is ahead; nobody comes in between, as each new place is behind all others. */
async function enoughLeft(waiting: Waiting, view: QueueView): Promise<"held" | "lost"> {
  const { client, keys, place, signal } = waiting;
  const ahead = new Set(view.ahead);
  const options = { fromRevision: view.revision + 1, only: "delete", signal } as const;
  for await (const { events } of client.watch({ prefix: keys.queue }, options)) {
    for (const event of events) {
      const gone = keyOf(event);
      if (gone === place) return "lost";
      ahead.delete(gone);
    }
    if (ahead.size < keys.limit) return "held";
  }
  throw watchEnded(keys);
}

function keyOf(event: WatchEvent): string {
  return text.decode(event.kind === "delete" ? event.key : event.record.key);
}

/** A watch ends by itself only with its client. */
function watchEnded({ what }: QueueKeys): EngineError {
  return new EngineError("CLOSED", `the client was closed while it waited for ${what}`);
}

const text = new TextDecoder();
