import {
  assertNever,
  type EngineErrorCode,
  isEngineError,
  type LogIndex,
  type MembershipChange,
  type MembershipConfiguration,
  type NodeId,
} from "@d-engine/core";
import type { Cluster } from "../cluster/cluster.js";
import type { CoverageName } from "../cluster/coverage.js";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import type { ClusterPlan, MemberFault } from "./plan.js";

/** What became of a change, as its caller was told; `changed` with the members that it made. */
type Answer =
  | { readonly kind: "changed"; readonly configuration: MembershipConfiguration }
  | { readonly kind: "refused" | "unknown" };

/**
 * Somebody who changes the members now and then, as the wire's services and the command line do:
 * asks a node, starts what was admitted, deletes what is added anew.
 */
export class MemberChanger {
  readonly #cluster: Cluster<ClusterPlan>;
  #stopped = false;

  constructor(cluster: Cluster<ClusterPlan>) {
    this.#cluster = cluster;
  }

  /** Nothing is asked any more, by a node that was paused neither. */
  stop(): void {
    this.#stopped = true;
  }

  strike(fault: MemberFault, asked: SimulatedNode): void {
    const { leader } = this.#cluster;
    const seen = (leader ?? asked).driver?.configuration;
    if (seen === undefined) return;
    const about = this.#choose(fault, seen, leader);
    if (about === undefined) return;
    const { change, joining } = about;
    // Who comes back under an old id has deleted what it had: that is the way that errors name.
    if (joining?.isEnrolled) joining.retire();
    this.#ask(asked, change, fault, versionOf(fault, seen)).then((answer) => {
      if (joining !== undefined && answer.kind !== "refused") this.#admit(joining, fault, 0);
    });
  }

  #choose(
    { action, choice, status }: MemberFault,
    { members }: MembershipConfiguration,
    leader: SimulatedNode | undefined,
  ): { readonly change: MembershipChange; readonly joining?: SimulatedNode } | undefined {
    const pick = <T>(from: readonly T[]): T | undefined => from[choice % from.length];
    const ids = members.map(({ id }) => id);
    const learners = members.filter((m) => m.status === "promotable").map(({ id }) => id);
    const voters = members.filter((m) => m.status === "active").map(({ id }) => id);
    switch (action) {
      case "join":
      case "rejoin": {
        const wanted = action === "rejoin";
        const free = this.#cluster.nodes.filter(
          ({ id, isEnrolled }) => isEnrolled === wanted && !this.#cluster.roster.has(id),
        );
        const joining = pick(free);
        if (joining === undefined) return undefined;
        const { address } = joining;
        const nodeId = joining.id as NodeId;
        return { change: { kind: "addNode", nodeId, address, status }, joining };
      }
      case "remove": {
        const nodeId = pick(ids);
        return nodeId && { change: { kind: "removeNode", nodeId } };
      }
      case "removeLeader":
        return leader && { change: { kind: "removeNode", nodeId: leader.id as NodeId } };
      case "batchRemove": {
        const first = choice % voters.length;
        return { change: { kind: "batchRemove", nodeIds: voters.slice(first, first + 2) } };
      }
      case "promote": {
        const nodeId = pick(learners) ?? pick(ids);
        return nodeId && { change: { kind: "promoteLearner", nodeId, status: "active" } };
      }
      case "batchPromote":
        return { change: { kind: "batchPromote", nodeIds: learners, status: "unspecified" } };
      default:
        return assertNever(action);
    }
  }

  async #ask(
    node: SimulatedNode,
    change: MembershipChange,
    { isImpatient }: MemberFault,
    version: LogIndex | undefined,
  ): Promise<Answer> {
    const { world, coverage, plan } = this.#cluster;
    const { process, driver } = node;
    if (process === undefined || driver === undefined) return { kind: "refused" };
    const timeoutMs = plan.raft.electionTimeoutMs * (isImpatient ? 0.01 : 10);
    const options = version === undefined ? { timeoutMs } : { timeoutMs, version };
    const answer = await new Promise<Answer>((resolve) => {
      process.whenEnded(() => resolve({ kind: "unknown" }));
      process.enter(() => {
        if (this.#stopped || !this.#isBearable(change)) {
          resolve({ kind: "refused" });
          return;
        }
        driver.changeMembership(change, options).then(
          (configuration) => resolve({ kind: "changed", configuration }),
          (error: unknown) => {
            if (!isEngineError(error)) throw error;
            coverage.add(refusals[error.code] ?? "change refused otherwise");
            resolve({ kind: error.outcome === "unknown" ? "unknown" : "refused" });
          },
        );
      });
    });
    world.note(`change ${change.kind} ${answer.kind}`, node.id, 0, () => JSON.stringify(change));
    return answer;
  }

  /**
   * Whether those that stay can do without the nodes that are damaged for good. A leader notices
   * only those that have been silent for an election timeout; whoever knows better must not ask.
   */
  #isBearable(change: MembershipChange): boolean {
    const { nodes, roster } = this.#cluster;
    const removed = removedBy(change);
    if (removed.length === 0) return true;
    const lost = nodes.filter(({ isDamaged }) => isDamaged).map(({ id }) => id);
    return roster.isQuorumWithout(removed, (id) => !lost.includes(id));
  }

  /** The joining node asks until it is a member, and starts then; or gives up. */
  #admit(joining: SimulatedNode, fault: MemberFault, attempts: number): void {
    const { world, roster, plan, leader } = this.#cluster;
    if (joining.isEnrolled || attempts > admissionAttempts) return;
    const configuration = leader?.driver?.configuration;
    if (configuration?.members.some(({ id }) => id === joining.id) && roster.has(joining.id)) {
      const joinedAt = configuration.logId.index;
      const file = fault.pulls ? leader : undefined;
      joining.prepareJoin(joinedAt, file).then(() => joining.start());
      return;
    }
    world.schedule(plan.raft.electionTimeoutMs, () => this.#admit(joining, fault, attempts + 1));
  }
}

function removedBy(change: MembershipChange): readonly number[] {
  if (change.kind === "removeNode") return [change.nodeId];
  return change.kind === "batchRemove" ? change.nodeIds : [];
}

function versionOf(
  { version }: MemberFault,
  { logId }: MembershipConfiguration,
): LogIndex | undefined {
  if (version === "none") return undefined;
  return version === "current" ? logId.index : ((logId.index + 1) as LogIndex);
}

const refusals: Partial<Record<EngineErrorCode, CoverageName>> = {
  NOT_LEADER: "change refused: not the leader",
  CHANGE_IN_PROGRESS: "change refused: another in progress",
  VERSION_CONFLICT: "change refused: other version",
  LEARNER_NOT_READY: "change refused: learner not ready",
  QUORUM_AT_RISK: "change refused: quorum at risk",
  INVALID_REQUEST: "change refused: makes no sense",
  CLUSTER_UNAVAILABLE: "change refused: noop not committed",
  OUTCOME_UNKNOWN: "change of unknown outcome",
};

/** In election timeouts: longer than a change may take without faults. */
const admissionAttempts = 60;
