import type { Effects } from "../effects.js";
import type { Entry } from "../entry.js";
import type { BatchId, LogId, LogIndex, NodeId, Term } from "../ids.js";
import { invariant } from "../invariant.js";
import type { MembershipConfiguration } from "../membership/configuration.js";
import type { Envelope } from "../message.js";
import { quorumValue, voterSetsOf } from "../quorum/voter-sets.js";
import type { RaftStatus } from "../status.js";
import { checkInvariants } from "./check-invariants.js";
import { checkSent } from "./check-sent.js";
import { DurableModel, type RecoveredState } from "./durable-model.js";
import { EntryRegistry } from "./entry-registry.js";
import { quorumsMeet } from "./quorums-meet.js";

interface Watched {
  readonly durable: DurableModel;
  previous: RaftStatus;
  /** The term of each entry of the log in memory, by index. */
  terms: Term[];
  appliedTo: LogIndex;
}

interface Committed {
  readonly entry: Entry;
  /** The term of the node that committed it first. */
  readonly inTerm: Term;
}

/**
 * Watches every node of a simulated cluster and throws at the first step that breaks a property of
 * Raft, over crashes and restarts. It sees only what a driver sees: starts, effects, finished
 * writes and messages that leave. Costs time linear in what happens, not in what has happened.
 *
 * Checked: I1 one leader a term; I2 leaders only append; I3 log matching; I4 leader completeness;
 * I5 one entry applied at an index, in order; I6 nothing goes back; I7 what is committed is
 * durable on a quorum and survives crashes; I8 one change of the members at a time, and quorums
 * that can act at the same time meet; I9 positions, those of snapshots too; I11 nothing sent
 * before it is durable.
 *
 * @example
 * const checker = new ClusterChecker();
 * checker.started(id, { hardState, base, entries }, node.status());
 * const effects = node.step(input);
 * checker.stepped(id, effects, node.status());
 */
export class ClusterChecker {
  readonly #nodes = new Map<NodeId, Watched>();
  readonly #leaders = new Map<Term, NodeId>();
  readonly #registry = new EntryRegistry();
  /** By index; the first element stands for the position before the log. */
  readonly #committed: (Committed | undefined)[] = [undefined];

  /** The highest index that any node has committed: what a read that begins now must see (I10). */
  get committedIndex(): LogIndex {
    return (this.#committed.length - 1) as LogIndex;
  }

  committedEntry(index: LogIndex): Entry | undefined {
    return this.#committed[index]?.entry;
  }

  /** Who led each term so far. */
  get leaders(): ReadonlyMap<Term, NodeId> {
    return this.#leaders;
  }

  /** A node was made from what its storage held: at first, or after a crash. */
  started(id: NodeId, found: RecoveredState, status: RaftStatus): void {
    const durable = this.#nodes.get(id)?.durable ?? new DurableModel();
    durable.recovered(id, found);
    checkInvariants(status, undefined);
    const terms: Term[] = [];
    terms[found.base.index] = found.base.term;
    const node = { durable, previous: status, terms, appliedTo: status.appliedIndex };
    this.#append(id, node, found.entries);
    this.#nodes.set(id, node);
    const snapshot = durable.snapshot?.index ?? 0;
    invariant(
      snapshot <= status.appliedIndex,
      () => `I9: node ${id} starts at ${status.appliedIndex}, its snapshot ends at ${snapshot}`,
    );
    checkBase(id, node, status);
    this.#checkQuorums(id, node, status);
  }

  /** A snapshot, of this node's own state or received from another, is durable at it. */
  snapshotSaved(id: NodeId, { term, index }: LogId): void {
    const known = this.#committed[index];
    invariant(
      known !== undefined && known.entry.term === term,
      () => `I5: node ${id} has a snapshot of (${term}, ${index}), which nobody has committed`,
    );
    this.#watched(id).durable.snapshotSaved({ term, index });
  }

  /** A node took one step. */
  stepped(id: NodeId, effects: Effects, status: RaftStatus): void {
    const node = this.#watched(id);
    checkInvariants(status, node.previous);
    const first = effects.append[0];
    if (first !== undefined && node.previous.role === "leader" && status.role === "leader") {
      const last = node.previous.last.index;
      invariant(first.index > last, () => `I2: leader ${id} replaces ${first.index} of ${last}`);
    }
    node.durable.wrote(effects);
    for (const reply of effects.replies) {
      if (reply.kind === "installed") this.#installs(id, node, reply.lastIncluded);
    }
    if (effects.resetLog !== undefined) beginAnew(node, effects.resetLog);
    checkBase(id, node, status);
    this.#append(id, node, effects.append);
    if (status.role === "leader") this.#leads(id, node, status);
    for (const entry of effects.apply) this.#applies(id, node, entry, status);
    if (status.configuration !== node.previous.configuration) {
      if (status.role === "leader") checkChange(node, status);
      this.#checkQuorums(id, node, status);
    }
    node.previous = status;
  }

  /** A batch of this node, and all before it, reached the disk. */
  synced(id: NodeId, batch: BatchId): void {
    this.#watched(id).durable.synced(batch);
  }

  /** A message left this node. */
  sent(id: NodeId, envelope: Envelope): void {
    checkSent(id, envelope, this.#watched(id).durable);
  }

  #append(id: NodeId, node: Watched, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const previous = node.terms[entry.index - 1] ?? (0 as Term);
      this.#registry.note(id, entry, previous);
      node.terms.length = entry.index;
      node.terms.push(entry.term);
    }
  }

  #leads(id: NodeId, node: Watched, { term, base }: RaftStatus): void {
    const known = this.#leaders.get(term);
    invariant(
      known === undefined || known === id,
      () => `I1: ${known} and ${id} lead term ${term}`,
    );
    if (known !== undefined) return;
    this.#leaders.set(term, id);
    for (const committed of this.#committed) {
      // A leader of an earlier term, elected late, need not hold what a later term committed.
      if (committed === undefined || committed.inTerm >= term) continue;
      const { index, term: expected } = committed.entry;
      if (index < base.index) continue; // in a snapshot, which holds nothing that is not committed
      invariant(
        node.terms[index] === expected,
        () => `I4: leader ${id} of term ${term} lacks (${expected}, ${index}), which is committed`,
      );
    }
  }

  /** The state jumps to the label: the snapshot must be durable, and lie ahead. */
  #installs(id: NodeId, node: Watched, { term, index }: LogId): void {
    const saved = node.durable.snapshot;
    invariant(
      saved !== undefined && saved.index >= index,
      () => `I7: node ${id} installs (${term}, ${index}) before it is durable`,
    );
    invariant(
      index > node.appliedTo,
      () => `I5: node ${id} installs ${index} after it applied ${node.appliedTo}`,
    );
    invariant(
      this.#committed[index]?.entry.term === term,
      () => `I5: node ${id} installs (${term}, ${index}), which nobody has committed`,
    );
    node.appliedTo = index;
  }

  #applies(id: NodeId, node: Watched, entry: Entry, status: RaftStatus): void {
    const { index, term } = entry;
    invariant(
      index === node.appliedTo + 1,
      () => `I5: node ${id} applies ${index} after ${node.appliedTo}`,
    );
    node.appliedTo = index;
    invariant(
      node.terms[index] === term,
      () => `I5: node ${id} applies (${term}, ${index}), its log has term ${node.terms[index]}`,
    );
    const known = this.#committed[index];
    if (known !== undefined) {
      invariant(
        known.entry.term === term,
        () => `I5: node ${id} applies (${term}, ${index}), another (${known.entry.term}, ${index})`,
      );
      return;
    }
    invariant(
      index === this.#committed.length,
      () => `I5: node ${id} commits ${index} before anybody committed ${this.#committed.length}`,
    );
    // A leader commits before it changes the members in the same step.
    const { configuration } = status.role === "leader" ? node.previous : status;
    this.#checkDurable(id, entry, configuration);
    this.#committed.push({ entry, inTerm: status.term });
  }

  /** Committed means durable on a majority of each half, at this very moment (I7). */
  #checkDurable(by: NodeId, { index, term }: Entry, configuration: MembershipConfiguration): void {
    const holds = (id: NodeId) => (this.#nodes.get(id)?.durable.termAt(index) === term ? 1 : 0);
    invariant(
      quorumValue(voterSetsOf(configuration), holds) >= 1,
      () => `I7: node ${by} commits (${term}, ${index}), which no majority has on disk`,
    );
  }

  /**
   * Whoever holds the last committed entry may win an election or commit more by the members that
   * it knows; nobody else can do either (I8).
   */
  #checkQuorums(id: NodeId, node: Watched, { configuration }: RaftStatus): void {
    if (!this.#mayAct(node)) return;
    const own = voterSetsOf(configuration);
    for (const [other, { previous }] of this.#nodes) {
      if (other === id || previous.configuration === configuration) continue;
      if (!this.#mayAct(this.#watched(other))) continue;
      const { logId } = previous.configuration;
      invariant(
        quorumsMeet(own, voterSetsOf(previous.configuration)),
        () =>
          `I8: node ${id} decides by the members of ${configuration.logId.index}, ` +
          `node ${other} without them by those of ${logId.index}`,
      );
    }
  }

  #mayAct({ terms }: Watched): boolean {
    const last = this.#committed.length - 1;
    return terms[last] === (this.#committed[last]?.entry.term ?? 0);
  }

  #watched(id: NodeId): Watched {
    const node = this.#nodes.get(id);
    invariant(node !== undefined, () => `node ${id} was never started`);
    return node;
  }
}

/** What left the log must be in a durable snapshot (I9). */
function checkBase(id: NodeId, { durable }: Watched, { base }: RaftStatus): void {
  const covered = durable.snapshot?.index ?? 0;
  invariant(
    base.index <= covered,
    () => `I9: the log of node ${id} begins behind ${base.index}, its snapshot ends at ${covered}`,
  );
}

function beginAnew(node: Watched, base: LogId): void {
  node.terms = [];
  node.terms[base.index] = base.term;
}
/** A leader changes the members when the change before and an entry of its term are committed. */
function checkChange({ previous, terms }: Watched, status: RaftStatus): void {
  const { id, commitIndex, term } = status;
  const { index } = previous.configuration.logId;
  invariant(
    index <= commitIndex,
    () => `I8: leader ${id} changes the members of ${index}, committed is ${commitIndex}`,
  );
  invariant(
    terms[commitIndex] === term,
    () => `I8: leader ${id} changes the members before it has committed anything in term ${term}`,
  );
}
