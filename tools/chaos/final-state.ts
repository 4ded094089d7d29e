import { setTimeout as pause } from "node:timers/promises";
import { connect, connectLazily, type EngineClient, type ScanResult } from "@d-engine/client";
import type { RecordedOperation } from "./clients/recorded-operation.js";

export interface FinalStateOptions {
  /** `host:port` of every node. */
  readonly endpoints: readonly string[];
  readonly keys: readonly string[];
  readonly nowNs: () => number;
  readonly record: (operation: RecordedOperation) => void;
}

const withinMs = 60_000;
const askAgainMs = 100;

/**
 * After all faults: every node must answer, and all must come to hold the same. Reads every key
 * once more for the history, so that nothing can be missing unseen. Returns what is wrong.
 */
export async function checkFinalState(options: FinalStateOptions): Promise<string[]> {
  const { endpoints } = options;
  await using client = await connect(endpoints, { readyTimeoutMs: withinMs, timeoutMs: withinMs });
  await readAll(client, options);
  const { revision } = await client.scanPrefix("", { consistency: "linearizable" });
  const views = await Promise.all(endpoints.map((endpoint) => viewAt(endpoint, revision)));
  const problems = views.flatMap((view) => (typeof view === "string" ? [view] : []));
  if (problems.length > 0) return problems;
  const [first, ...others] = views.map((view) => describe(view as ScanResult));
  const differing = others.findIndex((view) => view !== first);
  return differing < 0
    ? []
    : [`${endpoints[0]} and ${endpoints[differing + 1]} hold different states at the end`];
}

async function readAll(client: EngineClient, options: FinalStateOptions): Promise<void> {
  const { keys, nowNs, record } = options;
  for (const key of keys) {
    const call = nowNs();
    const value = await client.getString(key, { consistency: "linearizable" });
    const level = "linearizable";
    record({ client: "final", op: "get", key, level, value, call, return: nowNs(), status: "ok" });
  }
}

/** The store as this node alone sees it, once it has come as far as `revision`. */
async function viewAt(endpoint: string, revision: number): Promise<ScanResult | string> {
  const deadlineMs = performance.now() + withinMs;
  await using client = connectLazily([endpoint]);
  let seen: number | string = "nothing";
  while (performance.now() < deadlineMs) {
    try {
      const view = await client.scanPrefix("", { consistency: "eventual" });
      if (view.revision >= revision) return view;
      seen = view.revision;
    } catch (error) {
      seen = String(error);
    }
    await pause(askAgainMs);
  }
  return `${endpoint} did not come to revision ${revision} within ${withinMs} ms: ${seen}`;
}

function describe({ revision, entries }: ScanResult): string {
  const text = new TextDecoder();
  const lines = entries.map(({ key, value }) => `${text.decode(key)}=${text.decode(value)}`);
  return [revision, ...lines].join("\n");
}
