import type { ChangeSource, MembershipSnapshot } from "@d-engine/client";
import type { MembershipConfiguration, NodeId } from "@d-engine/core";
import type { Driver } from "./driver.js";

/** The members as `driver` applies them, until it ends. */
export function membershipSource<Result>(driver: Driver<Result>): ChangeSource<MembershipSnapshot> {
  return {
    get current() {
      return membershipSnapshotOf(driver.configuration);
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

/** What clients are told of a configuration. */
export function membershipSnapshotOf({
  logId,
  members,
}: MembershipConfiguration): MembershipSnapshot {
  const idsOf = (voters: boolean): NodeId[] =>
    members.filter(({ status }) => (status === "active") === voters).map(({ id }) => id);
  return { members: idsOf(true), learners: idsOf(false), committedIndex: logId.index };
}
