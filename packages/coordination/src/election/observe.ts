import type { CoordinationClient } from "../coordination-client.js";
import { portsOf } from "../recipe-ports.js";
import { electionKeys } from "./elect.js";
import { type Leader, LeaderObservation, type ObserveOptions } from "./leader-observation.js";

/**
 * Who leads the election `name`, now and from now on: the first result tells of this moment, `undefined`
 * while nobody leads, and each further one of a change of the leader or of what it proclaims. What
 * was overtaken before it was taken is left out; an earlier state never follows a later one, also
 * when the connection or the history behind it is lost meanwhile, which is waited out. It costs the
 * cluster one watch, for as long as it is iterated.
 *
 * @example
 * for await (const leader of observe(client, "reports", { signal })) {
 *   if (leader !== undefined) connectTo(new TextDecoder().decode(leader.value));
 * }
 * @throws EngineError `INVALID_REQUEST` for a name that is none
 */
export function observe(
  client: CoordinationClient,
  name: string,
  options: ObserveOptions = {},
): AsyncIterableIterator<Leader | undefined, undefined> {
  return new LeaderObservation(portsOf(client), electionKeys(name).queue, options);
}
