import {
  EngineError,
  isEngineError,
  type RemoteClient,
  type Watch,
  type WatchEvent,
  type WatchOptions,
} from "@d-engine/client";
import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { type KeyOptions, selectionOf } from "./key-options.js";
import { escaped, jsonBytes } from "./printable.js";
import { jsonRecord } from "./record-output.js";
import { type RemoteOptions, withClient } from "./remote-options.js";
import { untilStopped } from "./until-stopped.js";

export interface WatchCommandOptions extends RemoteOptions, KeyOptions {
  readonly rev?: number;
  readonly prevKv: boolean;
  readonly only?: WatchEvent["kind"];
  readonly progress: boolean;
  readonly count?: number;
}

const progressIntervalMs = 1_000;

/** Prints changes until there were `count`, or until it is stopped. */
export async function runWatch(
  key: string,
  options: WatchCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const selection = selectionOf(key, options);
  return await untilStopped(io, (signal) =>
    withClient(
      options,
      async (client: RemoteClient) => {
        const watch = client.watch(selection, watchOptions(options, signal));
        const progress = new Progress(watch, options, io);
        try {
          await progress.begin();
          await printEvents(watch, options, io, progress);
        } catch (error) {
          if (signal.aborted || !isEngineError(error)) throw error;
          throw withWayOut(error, watch);
        } finally {
          progress.end();
        }
        return EXIT.ok;
      },
      signal,
    ),
  );
}

function watchOptions(
  { rev, prevKv, only }: WatchCommandOptions,
  signal: AbortSignal,
): WatchOptions {
  return {
    signal,
    previous: prevKv,
    ...(rev === undefined ? {} : { fromRevision: rev }),
    ...(only === undefined ? {} : { only }),
  };
}

async function printEvents(
  watch: Watch,
  { json, count = Number.POSITIVE_INFINITY }: WatchCommandOptions,
  io: CliIo,
  progress: Progress,
): Promise<void> {
  let left = count;
  for await (const { events } of watch) {
    for (const event of events.slice(0, left)) {
      io.out(json ? `${JSON.stringify(jsonEvent(event))}\n` : eventLine(event));
    }
    left -= events.length;
    if (left <= 0) return;
    progress.told();
    // A reader that is slow holds up this watch, which the node ends or feeds from its history.
    await io.flushed();
  }
}

function eventLine(event: WatchEvent): string {
  const { kind, revision, previous } = event;
  const isPut = kind === "put";
  const key = escaped(isPut ? event.record.key : event.key);
  const value = isPut ? escaped(event.record.value) : "";
  const columns = [kind, revision, key];
  if (isPut || previous !== undefined) columns.push(value);
  if (previous !== undefined) columns.push(escaped(previous.value));
  return `${columns.join("\t")}\n`;
}

function jsonEvent(event: WatchEvent): object {
  const { kind, revision, previous } = event;
  return {
    kind,
    revision,
    ...(kind === "put" ? jsonRecord(event.record) : jsonBytes("key", event.key)),
    ...(previous === undefined ? {} : { previous: jsonRecord(previous) }),
  };
}

/** Says up to where nothing was missed, where that was asked for. */
class Progress {
  readonly #watch: Watch;
  readonly #wanted: boolean;
  readonly #say: (revision: number) => void;
  #toldRevision = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(watch: Watch, { progress, json }: WatchCommandOptions, io: CliIo) {
    this.#watch = watch;
    this.#wanted = progress;
    this.#say = (revision) =>
      io.out(
        json ? `${JSON.stringify({ kind: "progress", revision })}\n` : `progress\t${revision}\n`,
      );
  }

  async begin(): Promise<void> {
    if (!this.#wanted) return;
    this.#toldRevision = await this.#watch.ready();
    this.#say(this.#toldRevision);
    this.#timer = setInterval(() => this.#look(), progressIntervalMs);
  }

  /** The changes up to the watch's revision were printed. */
  told(): void {
    this.#toldRevision = this.#watch.revision;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { revision } = this.#watch;
    if (revision <= this.#toldRevision) return;
    this.#toldRevision = revision;
    this.#say(revision);
  }
}

/** The same error, which says with which revision another watch goes on. */
function withWayOut(error: EngineError, { revision }: Watch): EngineError {
  const { code, message, oldestRevision } = error;
  const next = oldestRevision ?? (revision > 0 ? revision + 1 : undefined);
  if (next === undefined) return error;
  const lost = oldestRevision === undefined ? "" : ", what was before is lost";
  return new EngineError(code, `${message}; --rev ${next} goes on${lost}`, { cause: error });
}
