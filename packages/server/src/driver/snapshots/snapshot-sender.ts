import type {
  InputEvent,
  InstallSnapshotResponse,
  LogId,
  LogIndex,
  NodeId,
  RaftNode,
  Term,
  Timer,
} from "@d-engine/core";
import { BackOff } from "./back-off.js";
import { OutgoingSnapshot, type OutgoingSnapshotSetup, type Sent } from "./outgoing-snapshot.js";

export interface SnapshotSenderSetup extends OutgoingSnapshotSetup {
  readonly node: RaftNode;
  readonly post: (event: InputEvent) => void;
}

/** A peer that the core wants to be sent a snapshot. */
interface Target {
  readonly peer: NodeId;
  readonly term: Term;
  readonly backOff: BackOff;
  outgoing: OutgoingSnapshot | undefined;
  /** Until the next attempt. */
  timer: Timer | undefined;
}

/**
 * Sends snapshots to the peers that need one, a bounded number at a time; the others wait for
 * their turn. A transfer goes on with its snapshot when a newer one appears, and ends with the
 * leadership, or as soon as the core has found another way to the peer.
 */
export class SnapshotSender {
  readonly #setup: SnapshotSenderSetup;
  /** In the order in which they were asked for. */
  readonly #targets = new Map<NodeId, Target>();
  /** Files that are being opened or closed. */
  readonly #releasing = new Set<Promise<void>>();
  #closed = false;

  constructor(setup: SnapshotSenderSetup) {
    this.#setup = setup;
  }

  /** The oldest label that is being sent: its receiver needs what follows (rule R7). */
  get hold(): LogIndex | undefined {
    let oldest: LogIndex | undefined;
    for (const { outgoing } of this.#targets.values()) {
      const index = outgoing?.label.lastIncluded.index;
      if (index !== undefined && index < (oldest ?? Number.POSITIVE_INFINITY)) oldest = index;
    }
    return oldest;
  }

  get sending(): number {
    return this.#count(({ outgoing }) => outgoing !== undefined);
  }

  /** The core's wish. Answered by `snapshotSent`, unless the wish ends before. */
  send(peer: NodeId): void {
    const { term } = this.#setup.node;
    // One that is on its way already answers this wish, too.
    if (this.#closed || this.#targets.get(peer)?.term === term) return;
    this.#drop(peer);
    const backOff = new BackOff(this.#setup.clock);
    this.#targets.set(peer, { peer, term, backOff, outgoing: undefined, timer: undefined });
    this.#startNext();
  }

  answer(from: NodeId, message: InstallSnapshotResponse): void {
    this.#targets.get(from)?.outgoing?.answer(message);
  }

  /** Ends what the core does not wait for any more. To be called after each step. */
  check(): void {
    if (this.#targets.size === 0) return;
    for (const target of [...this.#targets.values()]) {
      if (!this.#isWanted(target)) this.#drop(target.peer);
    }
    this.#startNext();
  }

  /** Ends everything; resolves when no file is open any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const peer of [...this.#targets.keys()]) this.#drop(peer);
    await Promise.all([...this.#releasing]);
  }

  #isWanted({ peer, term }: Target): boolean {
    const { node } = this.#setup;
    return node.term === term && node.replicationStateOf(peer) === "snapshot";
  }

  get #othersWait(): boolean {
    return this.#count(({ outgoing, timer }) => outgoing === undefined && timer === undefined) > 0;
  }

  #startNext(): void {
    for (const target of this.#targets.values()) {
      if (this.sending >= this.#setup.options.snapshotTransfersMax) return;
      if (target.outgoing === undefined && target.timer === undefined) this.#start(target);
    }
  }

  #start(target: Target): void {
    const label = this.#setup.snapshots.newest;
    if (label === undefined) {
      this.#retryLater(target, "this node has none");
      return;
    }
    const { peer, term } = target;
    target.outgoing = new OutgoingSnapshot(
      this.#setup,
      { peer, term, label },
      { othersWait: () => this.#othersWait, ended: (sent) => this.#ended(target, sent) },
    );
    this.#track(target.outgoing.start());
  }

  #ended(target: Target, sent: Sent): void {
    const { counters, logger } = this.#setup;
    const { peer, outgoing } = target;
    target.outgoing = undefined;
    if (sent.kind === "silent") {
      // To the end of the queue, behind those that wait.
      this.#targets.delete(peer);
      this.#targets.set(peer, target);
    } else if (sent.kind === "failed") {
      counters.snapshotSendFailures += 1;
      this.#retryLater(target, sent.reason);
    } else {
      counters.snapshotsSent += 1;
      const { index } = sent.lastIncluded;
      logger.info(`node ${peer} has installed the snapshot up to entry ${index}`);
      this.#tell(peer, sent.lastIncluded);
    }
    if (outgoing !== undefined) this.#track(outgoing.stop());
    this.#startNext();
  }

  /** With the snapshot that is the newest by then, and never in a tight circle. */
  #retryLater(target: Target, reason: string): void {
    const { logger, clock } = this.#setup;
    const delayMs = target.backOff.failed();
    const line = `the snapshot for node ${target.peer} was not sent: ${reason}`;
    logger.warn(`${line}; the next attempt is in ${delayMs} ms`);
    target.timer = clock.setTimer(delayMs, () => {
      target.timer = undefined;
      this.#startNext();
    });
  }

  #tell(peer: NodeId, lastIncluded: LogId): void {
    this.#targets.delete(peer);
    this.#setup.post({ kind: "snapshotSent", peer, lastIncluded });
  }

  #drop(peer: NodeId): void {
    const target = this.#targets.get(peer);
    if (target === undefined) return;
    this.#targets.delete(peer);
    target.timer?.cancel();
    if (target.outgoing !== undefined) this.#track(target.outgoing.stop());
  }

  #track(work: Promise<void>): void {
    const { logger } = this.#setup;
    const done = work
      .catch((error: unknown) => logger.warn("a snapshot file did not close", { error }))
      .finally(() => this.#releasing.delete(done));
    this.#releasing.add(done);
  }

  #count(matches: (target: Target) => boolean): number {
    let count = 0;
    for (const target of this.#targets.values()) if (matches(target)) count += 1;
    return count;
  }
}
