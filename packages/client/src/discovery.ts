import { type Clock, EngineError, type Random } from "@d-engine/core";
import type { ClientTransport } from "./client-transport.js";
import { abortable, pause } from "./internal/abortable.js";
import type { KnownNode } from "./leader-cache.js";
import type { ClusterView } from "./wire-messages.js";

export interface DiscoveryOptions {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds until giving up. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a cluster that can serve looks like: its leader is known, one of its members, and answers. */
export interface ReadyCluster {
  readonly view: ClusterView;
  readonly leader: KnownNode;
}

/** No answer to a question about the cluster takes longer, whatever the caller's deadline. */
const metadataTimeoutMs = 3_000;
/** Pause before the same endpoint is asked again. */
const askAgainMs = 200;

/**
 * Finds a cluster that can serve. Every endpoint is asked, again and again, at the same time, so
 * that one that hangs does not hold up another that answers; the first to name a leader wins.
 * That leader must be a member, and must itself answer and agree that it leads.
 *
 * Rejects with `CLUSTER_UNAVAILABLE` after `timeoutMs`, naming what each endpoint said last.
 */
export async function discoverCluster(
  endpoints: readonly string[],
  options: DiscoveryOptions,
): Promise<ReadyCluster> {
  options.signal?.throwIfAborted();
  const losers = new AbortController();
  const signals = options.signal === undefined ? [] : [options.signal];
  const signal = AbortSignal.any([losers.signal, ...signals]);
  const deadline = options.clock.nowMs() + options.timeoutMs;
  try {
    const probes = endpoints.map((endpoint) => askUntilReady(endpoint, deadline, signal, options));
    return await Promise.any(probes);
  } catch (error) {
    options.signal?.throwIfAborted();
    const reasons =
      error instanceof AggregateError ? error.errors.map(reasonOf) : [reasonOf(error)];
    throw new EngineError(
      "CLUSTER_UNAVAILABLE",
      `no node with a leader that can serve within ${options.timeoutMs} ms: ${reasons.join("; ")}`,
      { cause: error },
    );
  } finally {
    losers.abort();
  }
}

/** Rejects with the last reason against this endpoint when the deadline has passed. */
async function askUntilReady(
  endpoint: string,
  deadline: number,
  signal: AbortSignal,
  options: DiscoveryOptions,
): Promise<ReadyCluster> {
  for (;;) {
    const answer = await askOnce(endpoint, deadline, signal, options);
    if (typeof answer !== "string") return answer;
    const pauseMs = askAgainMs * (0.75 + options.random.next() / 2);
    if (options.clock.nowMs() + pauseMs >= deadline) throw new Error(answer);
    await pause(options.clock, pauseMs, signal);
  }
}

/** The cluster as `endpoint` sees it, or why it cannot be used yet. */
async function askOnce(
  endpoint: string,
  deadline: number,
  signal: AbortSignal,
  options: DiscoveryOptions,
): Promise<ReadyCluster | string> {
  const view = await viewOf(endpoint, deadline, signal, options);
  if (typeof view === "string") return view;
  const leader = leaderOf(view);
  if (leader === undefined) return `${endpoint}: answers, but knows no leader that can serve`;
  if (leader.address === endpoint) return { view, leader };
  const leaderView = await viewOf(leader.address, deadline, signal, options);
  if (typeof leaderView === "string") return `${endpoint}: names a leader, but ${leaderView}`;
  if (leaderOf(leaderView)?.id === leader.id) return { view: leaderView, leader };
  return `${endpoint}: names node ${leader.id} as leader, which says it is not`;
}

async function viewOf(
  address: string,
  deadline: number,
  signal: AbortSignal,
  { transport, clock }: DiscoveryOptions,
): Promise<ClusterView | string> {
  const timeoutMs = Math.max(1, Math.min(metadataTimeoutMs, deadline - clock.nowMs()));
  const answer = await abortable(
    transport.call<"metadata">(address, { kind: "metadata" }, { timeoutMs, signal }),
    signal,
  );
  return answer.kind === "failed" ? answer.failure.message : answer.result;
}

/** The leader, when the view names one that is a member with an address. */
export function leaderOf(view: ClusterView): KnownNode | undefined {
  const leader = view.members.find((member) => member.id === view.leaderId);
  return leader === undefined || leader.address === "" ? undefined : leader;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
