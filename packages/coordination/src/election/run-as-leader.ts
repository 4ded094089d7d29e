import { AbstractKvClient } from "@d-engine/client";
import type { CoordinationClient } from "../coordination-client.js";
import { isPassing } from "../internal/passing-errors.js";
import { RetryPace } from "../internal/retry-pace.js";
import { pause } from "../internal/waiting.js";
import { campaign, type ElectOptions } from "./elect.js";
import type { HeldLeadership, Leadership } from "./leadership.js";

/** How a leadership was lost that nobody gave up. */
export interface LeadershipLoss {
  readonly name: string;
  readonly token: number;
  /** What the signal of the work was aborted with. */
  readonly reason: unknown;
  /** What the work rejected with after that; `undefined`: it has not. */
  readonly failure: unknown;
}

/** Options of `runAsLeader`. */
export interface RunAsLeaderOptions extends Omit<ElectOptions, "timeoutMs"> {
  /** Is told of each leadership that was lost before the work had ended, once the work has. */
  readonly onLost?: (loss: LeadershipLoss) => void;
}

/**
 * Runs `work` whenever this process leads the election `name`, so that in the cluster one does it and
 * others stand by. When the lead is lost while `work` runs, its `leadership.signal` aborts before
 * another can lead, as far as `Held` says; once `work` has ended, whatever came of it, this process
 * stands again. So does one that finds no node to ask for a while.
 *
 * Resolves to what `work` resolves to and rejects with what it rejects with, if it still leads then,
 * or has resigned. Rejects with the reason of `options.signal` when that aborts while it does not
 * lead; while it leads, that aborts the signal of the work, and how the work ends decides.
 *
 * @example
 * await runAsLeader(
 *   client,
 *   "reports",
 *   async ({ signal, token }) => {
 *     while (!signal.aborted) await writeNextReport({ signal, fencingToken: token });
 *   },
 *   { value: "10.0.0.7:8080", signal: shutdown.signal },
 * );
 * @throws EngineError what the cluster refuses for good
 */
export async function runAsLeader<T>(
  client: CoordinationClient,
  name: string,
  work: (leadership: Leadership) => Promise<T> | T,
  options: RunAsLeaderOptions = {},
): Promise<T> {
  for (;;) {
    const leadership = await campaignAgain(client, name, options);
    const tenure = await lead(leadership, work);
    if (tenure.kind === "ended") return tenure.result;
    const { token, signal } = leadership;
    options.onLost?.({ name, token, reason: signal.reason, failure: tenure.failure });
  }
}

type Tenure<T> =
  | { readonly kind: "ended"; readonly result: T }
  | { readonly kind: "lost"; readonly failure: unknown };

async function lead<T>(
  leadership: HeldLeadership,
  work: (leadership: Leadership) => Promise<T> | T,
): Promise<Tenure<T>> {
  let failure: unknown;
  try {
    const result = await work(leadership);
    if (!isLost(leadership)) return { kind: "ended", result };
  } catch (error) {
    if (!isLost(leadership)) throw error;
    failure = error;
  } finally {
    await leadership.resign();
  }
  return { kind: "lost", failure };
}

/** After a stall the signal may not have been aborted yet: then it is now. */
function isLost(leadership: HeldLeadership): boolean {
  if (leadership.isResigned) return false;
  try {
    leadership.assertHeld();
    return false;
  } catch {
    return true;
  }
}

/** Stands until it leads, through all that may pass. */
async function campaignAgain(
  client: CoordinationClient,
  name: string,
  options: RunAsLeaderOptions,
): Promise<HeldLeadership> {
  const clock = AbstractKvClient.clockOf(client);
  const pace = new RetryPace(clock);
  const never = new AbortController().signal;
  for (;;) {
    try {
      return await campaign(client, name, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
    }
    await pause(clock, pace.nextMs(), options.signal ?? never);
  }
}
