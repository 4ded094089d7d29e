import {
  type Effects,
  type Entry,
  type Envelope,
  type InputEvent,
  LOG_ORIGIN,
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
    const { hardState, entries, commitIndex } = this.disk;
    const appliedIndex = start.appliedIndex ?? at(0);
    const terms = entries.map((entry) => entry.term);
    const configurations = new ConfigurationLog(start.configuration);
    for (const entry of entries.slice(0, appliedIndex)) configurations.append(entry);
    this.#node = new RaftNode({
      ...start,
      id: this.id,
      configuration: configurations.current,
      hardState,
      base: LOG_ORIGIN,
      last: logId([terms.at(-1) ?? 0, entries.length]),
      termRuns: termRunsOf(terms).map(logId),
      tail: entries.slice(appliedIndex),
      commitIndex: at(Math.max(commitIndex, appliedIndex)),
      appliedIndex,
    });
    const found = { hardState, base: LOG_ORIGIN, entries };
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

  /** Durable entries `[from, to)`, as a log store gives them. */
  readLog(from: LogIndex, to: LogIndex): readonly Entry[] {
    return this.disk.entries.slice(from - 1, to - 1);
  }

  #send(envelope: Envelope): void {
    this.host.checker.sent(this.id, envelope);
    this.host.sent(this, envelope);
  }
}
