import type { Watch } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import type { SeenWatch } from "./observations.js";
import { PROGRAM_PREFIX, type Program } from "./program.js";

/** Watches one selection after the other, for a while each, and goes on with the last to the end. */
export async function runWatcher(program: Program, name: string): Promise<void> {
  const { ended } = program;
  let watches = 0;
  while (!ended.aborted) {
    watches += 1;
    await watchFor(program, `${name}.${watches}`);
  }
}

async function watchFor(program: Program, name: string): Promise<void> {
  const { random, seen, stopped, ended, cluster } = program;
  const log = drawn(program, name);
  seen.watches.push(log);
  const over = new AbortController();
  // The last one of a run has no end of its own: whoever judges wants to know that it hears all.
  const restMs = random.chance(0.5) ? random.exponential(2_000) : Number.POSITIVE_INFINITY;
  if (restMs < Number.POSITIVE_INFINITY) {
    cluster.world.schedule(restMs, () => {
      if (!stopped.aborted) over.abort(new Error("it has watched for long enough"));
    });
  }
  const signal = AbortSignal.any([ended, over.signal]);
  log.isOpen = true;
  while (!signal.aborted) {
    if (!(await follow(program, log, signal))) break;
    await program.think();
  }
  log.isOpen = false;
}

function drawn(program: Program, name: string): SeenWatch {
  const { random, seen } = program;
  const [from, to] = random.pick([
    [PROGRAM_PREFIX, "p0"],
    [`${PROGRAM_PREFIX}1`, `${PROGRAM_PREFIX}1\0`],
    [`${PROGRAM_PREFIX}2`, `${PROGRAM_PREFIX}5`],
    // All keys of all clients.
    ["a", "z"],
  ] as const);
  const back = random.chance(0.4) ? random.between(-10, 60) : undefined;
  const start = back === undefined ? undefined : Math.max(1, seen.acknowledged - back);
  return {
    name,
    place: program.place,
    from,
    to,
    only: random.pick([undefined, undefined, "put", "delete"] as const),
    previous: random.chance(0.5),
    startRevision: start,
    batches: [],
    revision: start === undefined ? 0 : start - 1,
    compactedAt: undefined,
    isOpen: false,
  };
}

/** Until the watch ends; whether it is worth another one behind what was heard. */
async function follow(program: Program, log: SeenWatch, signal: AbortSignal): Promise<boolean> {
  const { client, seen } = program;
  const { from, to, only, previous } = log;
  const start = log.startRevision === undefined ? {} : { fromRevision: log.revision + 1 };
  const filter = only === undefined ? {} : { only };
  const selection = { start: from, end: to };
  let watch: Watch | undefined;
  try {
    watch = client.watch(selection, { ...start, ...filter, previous, signal });
    const behind = await watch.ready();
    if (log.startRevision === undefined) {
      log.startRevision = behind + 1;
      log.revision = behind;
    }
    for await (const batch of watch) {
      log.batches.push(batch);
      log.revision = Math.max(log.revision, watch.revision);
      seen.told(batch.revision);
    }
    return false;
  } catch (error) {
    if (signal.aborted) return false;
    if (!isEngineError(error)) throw error;
    if (error.code === "COMPACTED") {
      log.compactedAt = log.revision;
      return false;
    }
    return true;
  } finally {
    // What it was told to be quiet about counts too.
    if (watch !== undefined && log.startRevision !== undefined) {
      log.revision = Math.max(log.revision, watch.revision);
    }
  }
}
