import type { Bytes } from "@d-engine/client";
import type { CoordinationClient } from "../coordination-client.js";
import { type AcquireOptions, acquire } from "../lock/acquire.js";
import { QueueKeys } from "../queue/queue-keys.js";
import { HeldLeadership, type Leadership } from "./leadership.js";

/** Options of `elect`. */
export interface ElectOptions extends AcquireOptions {
  /**
   * What `observe` tells of this candidate when it leads, until it proclaims something else.
   * @defaultValue nothing: an empty value
   */
  readonly value?: Bytes;
}

/**
 * Stands for election, and resolves when this process leads: whoever stood first is next. To be
 * resigned, by `await using` or `resign`. At most one in the cluster leads, by token order; what that
 * means for a process that stood still, and for work outside the engine, `Held` says.
 *
 * @example
 * await using leadership = await elect(client, "reports", { value: "10.0.0.7:8080" });
 * await writeReports({ signal: leadership.signal, fencingToken: leadership.token });
 * @throws EngineError `WAIT_TIMEOUT`, and what the cluster refuses
 */
export async function elect(
  client: CoordinationClient,
  name: string,
  options: ElectOptions = {},
): Promise<Leadership> {
  return await campaign(client, name, options);
}

/** As `elect`, for the recipes beside. */
export async function campaign(
  client: CoordinationClient,
  name: string,
  options: ElectOptions,
): Promise<HeldLeadership> {
  const { value = "" } = options;
  const keys = electionKeys(name);
  return new HeldLeadership(await acquire({ client, name, keys, value, mode: "wait", options }));
}

/** The queue of the candidates; the first one leads. */
export function electionKeys(name: string): QueueKeys {
  return new QueueKeys("election", name, 1);
}
