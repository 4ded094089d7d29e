import type { Member, MembershipConfiguration, RaftStatus } from "@d-engine/core";
import { quorumVote, voterSetsOf } from "@d-engine/core/testing";

/** The members as of the newest entry that any node knows to be committed, and what may follow. */
export class Roster {
  #committed: MembershipConfiguration;
  /** In effect somewhere and not known to be committed; some are overwritten by now. */
  readonly #pending = new Map<string, MembershipConfiguration>();

  constructor(bootstrap: MembershipConfiguration) {
    this.#committed = bootstrap;
  }

  get committed(): MembershipConfiguration {
    return this.#committed;
  }

  observe({ committedConfiguration, configuration }: RaftStatus): void {
    if (committedConfiguration.logId.index > this.#committed.logId.index) {
      this.#committed = committedConfiguration;
      for (const [name, { logId }] of this.#pending) {
        if (logId.index <= this.#committed.logId.index) this.#pending.delete(name);
      }
    }
    const { term, index } = configuration.logId;
    if (index > this.#committed.logId.index) this.#pending.set(`${term}/${index}`, configuration);
  }

  /**
   * Whether these nodes can decide, whichever of the configurations comes to be in effect: also one
   * for which learners without them are promoted, by a leader that has not missed them yet.
   */
  isQuorum(has: (id: number) => boolean): boolean {
    return this.isQuorumWithout([], has);
  }

  /** The same for these configurations without the nodes `removed`. */
  isQuorumWithout(removed: readonly number[], has: (id: number) => boolean): boolean {
    return this.#possible.every((configuration) => {
      const members = configuration.members.filter(({ id }) => !removed.includes(id));
      const promoted = members.map((member): Member => {
        const mayBe = member.status === "promotable" && !has(member.id);
        return mayBe ? { ...member, status: "active" } : member;
      });
      const grown = { ...configuration, members: promoted };
      return isQuorumOf({ ...configuration, members }, has) && isQuorumOf(grown, has);
    });
  }

  get #possible(): readonly MembershipConfiguration[] {
    return [this.#committed, ...this.#pending.values()];
  }

  /** Whether the node belongs to the cluster, a voter that is leaving included. */
  has(id: number): boolean {
    const { members, outgoingVoters } = this.#committed;
    return (
      members.some((member) => member.id === id) || outgoingVoters?.includes(id as never) === true
    );
  }
}

/** A majority of each half. */
export function isQuorumOf(
  configuration: MembershipConfiguration,
  has: (id: number) => boolean,
): boolean {
  return quorumVote(voterSetsOf(configuration), has) === "won";
}
