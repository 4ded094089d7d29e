import { AbstractKvClient } from "@d-engine/client";
import type { Clock } from "@d-engine/core";
import type { CoordinationClient } from "./coordination-client.js";

/** What a recipe works with. */
export interface RecipePorts {
  readonly client: CoordinationClient;
  readonly clock: Clock;
}

/** A recipe goes by the clock of its client, as the leases of that do. */
export function portsOf(client: CoordinationClient): RecipePorts {
  return { client, clock: AbstractKvClient.clockOf(client) };
}
