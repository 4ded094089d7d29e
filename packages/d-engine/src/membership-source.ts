import type { MembershipConfiguration, NodeId } from "@d-engine/core";
import type { Driver } from "@d-engine/server";
import type { ChangeSource } from "./changes.js";

/** The members as of one committed change. */
export interface MembershipSnapshot {
  /** The voters, ordered by id. */
  readonly members: readonly NodeId[];
  /** Members that do not vote, ordered by id. */
  readonly learners: readonly NodeId[];
  /** The log entry that made these members; 0 for the first. */
  readonly committedIndex: number;
}

/** The members as `driver` applies them, until it ends. */
export function membershipSource<Result>(driver: Driver<Result>): ChangeSource<MembershipSnapshot> {
  return {
    get current() {
      return snapshotOf(driver.configuration);
    },
    get ended() {
      return driver.leader.ended;
    },
    subscribe(listener) {
      const unsubscribe = [
        driver.subscribeMembership(() => listener()),
        driver.leader.subscribe(() => {
          if (driver.leader.ended) listener();
        }),
      ];
      return () => {
        for (const end of unsubscribe) end();
      };
    },
  };
}

function snapshotOf({ logId, members }: MembershipConfiguration): MembershipSnapshot {
  const idsOf = (voters: boolean): NodeId[] =>
    members.filter(({ status }) => (status === "active") === voters).map(({ id }) => id);
  return { members: idsOf(true), learners: idsOf(false), committedIndex: logId.index };
}
