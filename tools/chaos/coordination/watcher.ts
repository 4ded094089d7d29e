import type { EngineClient, Watch, WatchEvent } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import type { SeenEvent, Sighting } from "./sighting.js";

export interface WatcherOptions {
  readonly name: string;
  readonly client: EngineClient;
  readonly record: (sighting: Sighting) => void;
  readonly signal: AbortSignal;
}

/**
 * Watches every key until the signal, through whatever happens. What a watch cannot go on with is
 * told by its error: then another one begins, and the checker knows of the gap.
 */
export async function watchEverything(options: WatcherOptions): Promise<void> {
  const { name, client, record, signal } = options;
  for (let number = 1; !signal.aborted; number++) {
    const watch = `${name}/${number}`;
    let begun: Watch | undefined;
    try {
      const running = client.watch({ prefix: "" }, { signal });
      const afterRevision = await running.ready();
      begun = running;
      record({ kind: "watch began", watch, afterRevision });
      await follow(watch, running, options);
    } catch (error) {
      if (!signal.aborted && !isExpected(error)) {
        record({ kind: "problem", who: watch, what: String(error) });
        return;
      }
    } finally {
      if (begun !== undefined) {
        record({ kind: "watch ended", watch, untilRevision: begun.revision });
      }
    }
  }
}

async function follow(watch: string, running: Watch, { record }: WatcherOptions): Promise<void> {
  for await (const { revision, events } of running) {
    record({ kind: "batch", watch, revision, events: events.map(seen) });
  }
}

const text = new TextDecoder();

function seen(event: WatchEvent): SeenEvent {
  const { kind, revision } = event;
  if (event.kind === "delete") return { kind, revision, key: text.decode(event.key), value: "" };
  const { key, value } = event.record;
  return { kind, revision, key: text.decode(key), value: text.decode(value) };
}

/** What a watch may end with while nodes are killed, cut off and overtaken. */
function isExpected(error: unknown): boolean {
  return (
    isEngineError(error, "COMPACTED") ||
    isEngineError(error, "CLUSTER_UNAVAILABLE") ||
    isEngineError(error, "WATCH_BUFFER_OVERFLOW")
  );
}
