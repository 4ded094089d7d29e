import {
  type Effects,
  type Envelope,
  type InputEvent,
  type LogId,
  type LogIndex,
  type MembershipConfiguration,
  type NodeId,
  RaftNode,
  type RaftOptions,
  type Random,
} from "@d-engine/core";
import type { ClusterChecker } from "@d-engine/core/testing";
import { ConfigurationLog } from "../../src/membership/configuration-log.js";
import { termRunsOf } from "./driven-node.js";
import { MemoryDisk } from "./memory-disk.js";
import { at, logId } from "./messages.js";

/** What a member tells the world around it. */
export interface MemberHost {
  readonly checker: ClusterChecker;
  /** Called after every step, before anything of it leaves. */
  stepped(member: Member, effects: Effects): void;
  /** A message leaves this member. */
  sent(member: Member, envelope: Envelope): void;
}

export interface StartOptions {
  readonly nowMs: number;
  readonly options: RaftOptions;
  /** Before the first entry of the log. */
  readonly configuration: MembershipConfiguration;
  readonly random: Random;
  readonly nonce: number;
  /** What the state machine kept over the restart; at most the durable commit index. */
  readonly appliedIndex?: LogIndex;
}

/**
 * One Raft node with its disk, as a driver runs it: writes are numbered and finish later, messages
 * wait for the batch that they rest on, and every step and message is checked.
 */
export class Member {
  readonly disk = new MemoryDisk();
  #node: RaftNode | undefined;

  constructor(
    readonly id: NodeId,
    readonly host: MemberHost,
  ) {}

  get running(): boolean {
    return this.#node !== undefined;
  }

  get node(): RaftNode {
    if (this.#node === undefined) throw new Error(`node ${this.id} does not run`);
    return this.#node;
  }

  start(start: StartOptions): void {
    const { disk } = this;
    disk.recover();
    const { hardState, base, entries, snapshot } = disk;
    const appliedIndex = at(Math.max(start.appliedIndex ?? 0, snapshot?.index ?? 0));
    const terms = entries.map((entry) => entry.term);
    const configurations = new ConfigurationLog(start.configuration);
    for (const entry of entries.slice(0, appliedIndex)) configurations.append(entry);
    this.#node = new RaftNode({
      ...start,
      id: this.id,
      configuration: configurations.current,
      hardState,
      base,
      last: logId([terms.at(-1) ?? base.term, disk.lastIndex]),
      termRuns: termRunsOf(terms, base.index + 1).map(logId),
      tail: entries.slice(appliedIndex - base.index),
      commitIndex: at(Math.max(disk.commitIndex, appliedIndex)),
      appliedIndex,
    });
    const found = { hardState, base, entries, snapshot };
    this.host.checker.started(this.id, found, this.#node.status());
  }

  step(event: InputEvent, nowMs: number): Effects {
    const { node } = this;
    const effects = node.step({ ...event, nowMs });
    this.host.checker.stepped(this.id, effects, node.status());
    this.host.stepped(this, effects);
    for (const envelope of effects.send) this.#send(envelope);
    for (const envelope of this.disk.take(effects, node.commitIndex)) this.#send(envelope);
    return effects;
  }

  /** Finishes the oldest writes; what waited for them leaves, and the node is told. */
  persist(count: number, nowMs: number): void {
    const done = this.disk.complete(count);
    if (done === undefined) return;
    this.host.checker.synced(this.id, done.batch);
    for (const envelope of done.released) this.#send(envelope);
    this.step({ kind: "persisted", batch: done.batch }, nowMs);
  }

  /** Stops at once. Of the unfinished writes, the disk keeps the first `kept`. */
  crash(kept = 0): void {
    this.#node = undefined;
    this.disk.crash(kept);
  }

  /** A snapshot, own or received, is on the disk as a whole. */
  saveSnapshot(label: LogId): void {
    if (label.index <= (this.disk.snapshot?.index ?? 0)) return;
    this.disk.snapshot = label;
    this.host.checker.snapshotSaved(this.id, label);
  }

  /** Purges the log up to `index`, which the snapshot covers and the disk's log has. */
  compact(index: LogIndex, nowMs: number): void {
    const term = this.disk.termAt(index);
    if (term === undefined) throw new Error(`node ${this.id} has no ${index} on its disk`);
    this.step({ kind: "compact", base: { term, index } }, nowMs);
    this.disk.purge({ term, index });
  }

  /** A message of the driver's own, as those that carry chunks are. */
  send(envelope: Envelope): void {
    this.#send(envelope);
  }

  #send(envelope: Envelope): void {
    this.host.checker.sent(this.id, envelope);
    this.host.sent(this, envelope);
  }
}
