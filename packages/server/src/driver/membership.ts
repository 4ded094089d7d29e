import type {
  Clock,
  EngineError,
  LogIndex,
  MembershipConfiguration,
  NodeIdentity,
} from "@d-engine/core";
import { AppliedConfiguration } from "./applied-configuration.js";
import type { Logger } from "./logger.js";
import { MembershipFeed } from "./membership-feed.js";
import { removalOf, toldRemoval } from "./removal.js";

export interface MembershipSetup {
  readonly identity: NodeIdentity;
  /** As of what recovery has applied. */
  readonly configuration: MembershipConfiguration;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What a leader that was removed has for handing over: others would take as long. */
  readonly electionTimeoutMs: number;
}

/** The members as this node has applied them, whom it tells, and whether it is one of them. */
export class Membership {
  readonly applied: AppliedConfiguration;
  readonly feed: MembershipFeed;
  readonly #setup: MembershipSetup;
  #removal: { readonly error: EngineError; readonly byMs: number } | undefined;

  constructor(setup: MembershipSetup) {
    this.#setup = setup;
    this.applied = new AppliedConfiguration(setup.configuration);
    this.feed = new MembershipFeed(setup.clock);
  }

  /** Another configuration is applied, by an entry or by a snapshot. */
  changed(): void {
    const { identity, clock, logger, electionTimeoutMs } = this.#setup;
    const { current } = this.applied;
    logger.info(describe(current));
    this.feed.publish(current);
    const error = removalOf(identity, current);
    if (error === undefined) return;
    this.#removal ??= { error, byMs: clock.nowMs() + electionTimeoutMs };
  }

  /** Another member says that the entry `by` removed this node, which did not hear of it itself. */
  told(by: LogIndex): void {
    const { identity, clock } = this.#setup;
    const error = toldRemoval(identity, this.applied.current, by);
    if (error !== undefined) this.#removal ??= { error, byMs: clock.nowMs() };
  }

  /** Why this node must end now: it was removed, and does not lead or could not hand over. */
  mustEnd(isLeader: boolean): EngineError | undefined {
    if (this.#removal === undefined) return undefined;
    const { error, byMs } = this.#removal;
    return isLeader && this.#setup.clock.nowMs() < byMs ? undefined : error;
  }
}

function describe({ logId, members, outgoingVoters }: MembershipConfiguration): string {
  const voters = members.filter(({ status }) => status === "active").map(({ id }) => id);
  const learners = members.filter(({ status }) => status !== "active").map(({ id }) => id);
  const parts = [`voters ${voters.join(", ") || "none"}`];
  if (learners.length > 0) parts.push(`learners ${learners.join(", ")}`);
  if (outgoingVoters !== undefined)
    parts.push(`until it is left also ${outgoingVoters.join(", ")}`);
  return `members as of entry ${logId.index}: ${parts.join("; ")}`;
}
