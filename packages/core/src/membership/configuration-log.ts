import type { Entry } from "../entry.js";
import type { LogIndex } from "../ids.js";
import { changeConfiguration } from "./change-configuration.js";
import type { MembershipConfiguration } from "./configuration.js";

/**
 * The configurations that the retained log makes, in log order: one takes effect when it is
 * appended and is gone when it is truncated (paper §6; scenarios 20, 27).
 */
export class ConfigurationLog {
  /** Never empty; the first is older than every entry that can still be truncated. */
  #configurations: MembershipConfiguration[];

  constructor(base: MembershipConfiguration) {
    this.#configurations = [base];
  }

  /** The one in effect. */
  get current(): MembershipConfiguration {
    return this.#configurations[this.#configurations.length - 1]!;
  }

  /** The newest one at or below `index`. */
  at(index: LogIndex): MembershipConfiguration {
    const all = this.#configurations;
    for (let i = all.length - 1; i > 0; i--) if (all[i]!.logId.index <= index) return all[i]!;
    return all[0]!;
  }

  /** Takes in an appended entry; true when it changed the configuration. */
  append(entry: Entry): boolean {
    if (entry.payload.kind !== "config") return false;
    const { term, index } = entry;
    const next = changeConfiguration(this.current, entry.payload.change, { term, index });
    this.#configurations.push(next);
    return true;
  }

  /** True when a configuration was rolled back. */
  truncateFrom(index: LogIndex): boolean {
    const all = this.#configurations;
    const before = all.length;
    while (all.length > 1 && all[all.length - 1]!.logId.index >= index) all.pop();
    return all.length < before;
  }

  /** Everything up to `index` is committed for good: only the newest of it is still needed. */
  compact(index: LogIndex): void {
    const all = this.#configurations;
    while (all.length > 1 && all[1]!.logId.index <= index) all.shift();
  }

  /** An installed snapshot's, when the log begins anew behind it. */
  reset(configuration: MembershipConfiguration): void {
    this.#configurations = [configuration];
  }
}
