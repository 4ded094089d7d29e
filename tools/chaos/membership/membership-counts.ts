/** What was done to the members of a cluster in one run. */
export interface MembershipCounts {
  /** Nodes in new directories that were taken in; of them those under an id that had left. */
  joined: number;
  joinedAgain: number;
  /** Changes by which members left; of them several at once, and the leader. */
  removals: number;
  removalsOfSeveral: number;
  removalsOfLeader: number;
  promotions: number;
  promotionsOfSeveral: number;
  transfers: number;
  /** Changes and transfers that were refused. */
  refused: number;
  /** Processes killed while a change was under way. */
  killedMeanwhile: number;
  /** Removed nodes that ended by themselves and said why, and those that did not hear of it. */
  stoppedByThemselves: number;
  cutOff: number;
}

export function noChanges(): MembershipCounts {
  return {
    joined: 0,
    joinedAgain: 0,
    removals: 0,
    removalsOfSeveral: 0,
    removalsOfLeader: 0,
    promotions: 0,
    promotionsOfSeveral: 0,
    transfers: 0,
    refused: 0,
    killedMeanwhile: 0,
    stoppedByThemselves: 0,
    cutOff: 0,
  };
}

/** Changes of the members that were made. */
export function changesOf({ joined, removals, promotions }: MembershipCounts): number {
  return joined + removals + promotions;
}
