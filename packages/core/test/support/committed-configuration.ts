import type { LogIndex, MembershipConfiguration } from "@d-engine/core";
import type { ClusterChecker } from "@d-engine/core/testing";
import { ConfigurationLog } from "../../src/membership/configuration-log.js";

/** What a state machine that has applied everything up to `index` knows as the configuration. */
export function committedConfiguration(
  checker: ClusterChecker,
  bootstrap: MembershipConfiguration,
  index: LogIndex,
): MembershipConfiguration {
  const configurations = new ConfigurationLog(bootstrap);
  for (let at = 1; at <= index; at++) {
    const entry = checker.committedEntry(at as LogIndex);
    if (entry === undefined) throw new Error(`entry ${at} is applied but not committed`);
    configurations.append(entry);
  }
  return configurations.current;
}
