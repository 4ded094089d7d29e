import type { CoordinationClient } from "../coordination-client.js";
import { portsOf } from "../recipe-ports.js";
import { LiveMap } from "./live-map.js";
import type { MapOptions } from "./map-options.js";

/**
 * The keys under `prefix` as a map with synchronous reads, kept by a watch.
 *
 * @throws EngineError `INVALID_REQUEST` for an empty prefix and for bounds that are none
 * @example
 * await using flags = map<{ enabled: boolean }>(client, "flags/", { check: schema });
 * await flags.ready();
 * if (flags.get("dark-mode")?.enabled) paintBlack();
 * for await (const { changes } of flags.changes()) console.log(changes);
 */
export function map<T>(
  client: CoordinationClient,
  prefix: string,
  options?: MapOptions<T>,
): LiveMap<T> {
  return new LiveMap(portsOf(client), prefix, options);
}
