import { changeConfiguration, type Entry, type MembershipConfiguration } from "@d-engine/core";

/**
 * The configuration as of the entry applied last. The core is ahead of it, as a change takes effect
 * there when it is appended; this one is committed, so it is what snapshots hold (scenario 28) and
 * what others are told.
 */
export class AppliedConfiguration {
  #current: MembershipConfiguration;

  /** `start` is a snapshot's, or that of the bootstrap. */
  constructor(start: MembershipConfiguration) {
    this.#current = start;
  }

  get current(): MembershipConfiguration {
    return this.#current;
  }

  /**
   * Takes in an applied entry; true when it changed the members. An entry that is part of the
   * current configuration changes nothing, as behind a snapshot that is newer than the log's start.
   *
   * @throws InvariantViolation for a change that no leader can have proposed (rule R12)
   */
  follow({ term, index, payload }: Entry): boolean {
    if (payload.kind !== "config" || index <= this.#current.logId.index) return false;
    this.#current = changeConfiguration(this.#current, payload.change, { term, index });
    return true;
  }

  /** Takes over that of an installed snapshot. */
  replace(configuration: MembershipConfiguration): void {
    this.#current = configuration;
  }
}
