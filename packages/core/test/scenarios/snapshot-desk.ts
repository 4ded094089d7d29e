import type { InstallSnapshot, LogId, NodeId, SnapshotLabel, SnapshotWork } from "@d-engine/core";
import { ChunkGatherer, snapshotLabel, snapshotMessage } from "../support/chunk-gatherer.js";
import type { Member } from "../support/member.js";
import { at, id } from "../support/messages.js";
import { position } from "./render.js";
import type { ScenarioWorld } from "./scenario-world.js";

/**
 * The driver's part of snapshots in a scenario: what a driver does by itself, receipts and their
 * acknowledgement, happens here; when anything is sent, installed or ended, the scenario says.
 */
export class SnapshotDesk {
  readonly #world: ScenarioWorld;
  readonly #gatherers = new Map<NodeId, ChunkGatherer>();
  readonly #sent = new Map<string, SnapshotLabel>();
  #progress: { readonly member: Member; readonly to: NodeId }[] = [];

  constructor(world: ScenarioWorld) {
    this.#world = world;
  }

  /** What is applied becomes a durable snapshot. */
  save(n: number): void {
    const { node } = this.#world.member(n);
    const { appliedIndex: index } = node.status();
    this.#save(n, { term: node.termAt(index)!, index });
  }

  compact(n: number, upTo: number | undefined): void {
    const member = this.#world.member(n);
    member.compact(at(upTo ?? member.disk.snapshot!.index), this.#world.nowMs);
    this.#world.show(`${n} has its log from ${member.disk.base.index + 1} on`);
  }

  /** Sends chunks of the newest snapshot. */
  transmit(n: number, peer: number, part: { from: number; count: number; of: number }): void {
    const { node, disk } = this.#world.member(n);
    const label = snapshotLabel(disk.snapshot!, n);
    this.#sent.set(`${n}>${peer}`, label);
    const fields = { label, totalChunks: part.of, from: part.from, count: part.count };
    const message = snapshotMessage({ term: node.term, leaderId: id(n), ...fields });
    this.#world.member(n).send({ to: id(peer), message });
  }

  end(n: number, peer: number, failed: boolean): void {
    const lastIncluded = failed ? undefined : this.#sent.get(`${n}>${peer}`)?.lastIncluded;
    this.#world.input(n, { kind: "snapshotSent", peer: id(peer), lastIncluded });
  }

  /** The state that a received snapshot makes is ready. */
  install(n: number): void {
    const member = this.#world.member(n);
    const lastIncluded = member.disk.snapshot!;
    const { configuration } = member.node.status();
    this.#world.request(n, (requestId) => {
      return { kind: "snapshotReceived", requestId, lastIncluded, configuration };
    });
  }

  handle(member: Member, work: SnapshotWork): void {
    if (work.kind === "send") this.#world.show(`${member.id} owes ${work.peer} a snapshot`);
    if (work.kind === "chunks") this.#gather(member, work.from, work.message);
  }

  /** Tells senders what is wanted next; true when anybody was told. */
  report(): boolean {
    const reports = this.#progress;
    this.#progress = [];
    for (const { member, to } of reports) {
      if (!member.running) continue;
      const { label, nextChunk } = this.#gathererOf(member.id);
      const progress = { to, lastIncluded: label!, nextChunk };
      this.#world.input(member.id, { kind: "snapshotProgress", ...progress });
    }
    return reports.length > 0;
  }

  #gather(member: Member, from: NodeId, message: InstallSnapshot): void {
    const gatherer = this.#gathererOf(member.id);
    const completed = gatherer.take(message);
    const { nextChunk } = gatherer;
    this.#world.show(`${member.id} has ${nextChunk} of ${message.totalChunks} chunks`);
    if (completed) this.#save(member.id, message.label.lastIncluded);
    this.#progress.push({ member, to: from });
  }

  #save(n: number, label: LogId): void {
    this.#world.member(n).saveSnapshot(label);
    this.#world.show(`${n} saves a snapshot up to ${position(label)}`);
  }

  #gathererOf(memberId: NodeId): ChunkGatherer {
    const known = this.#gatherers.get(memberId) ?? new ChunkGatherer();
    this.#gatherers.set(memberId, known);
    return known;
  }
}
