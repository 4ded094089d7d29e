import {
  assertNever,
  type InstallSnapshot,
  type InstallSnapshotResponse,
  type LogId,
  type NodeId,
  type SnapshotLabel,
  type SnapshotWork,
} from "@d-engine/core";
import { ChunkGatherer, snapshotLabel, snapshotMessage } from "../support/chunk-gatherer.js";
import { at } from "../support/messages.js";
import type { RandomWorld } from "./random-world.js";
import type { SimulatedProcess } from "./simulated-process.js";

interface Transfer {
  readonly run: number;
  readonly label: SnapshotLabel;
  readonly totalChunks: number;
  nextChunk: number;
  /** Requests without an answer. */
  silent: number;
}

const silentMax = 4;

/**
 * The driver's part of snapshots of one process: takes them, purges the log behind them, and moves
 * them between nodes over the network that everything else uses. A crash may come between any two
 * of its steps.
 */
export class SnapshotCourier {
  readonly #process: SimulatedProcess;
  readonly #world: RandomWorld;
  readonly #sending = new Map<NodeId, Transfer>();
  readonly #gatherer = new ChunkGatherer();

  constructor(process: SimulatedProcess, world: RandomWorld) {
    this.#process = process;
    this.#world = world;
  }

  /** A start: what was sent is forgotten, what was half received may still be there. */
  started(keepsPartial: boolean): void {
    this.#sending.clear();
    if (!keepsPartial || this.#gatherer.complete) this.#gatherer.forget();
  }

  handle(work: SnapshotWork): void {
    switch (work.kind) {
      case "send":
        return this.#begin(work.peer);
      case "chunks":
        return this.#gather(work.from, work.message);
      case "answer":
        return this.#answered(work.from, work.message);
      default:
        return assertNever(work);
    }
  }

  /** Takes a snapshot of what is applied now; the log behind it goes when it is durable. */
  takeSnapshot(): void {
    const process = this.#process;
    const index = process.appliedIndex;
    const term = process.member.node.termAt(index);
    if (term === undefined || index <= (process.member.disk.snapshot?.index ?? 0)) return;
    this.#soon(() => {
      this.#world.counters.snapshots++;
      process.member.saveSnapshot({ term, index });
      if (this.#world.prng.chance(0.2)) this.#sendUnasked();
      this.#soon(() => this.#compact(index));
    });
  }

  #compact(upTo: number): void {
    const { member, nowMs } = this.#process;
    const { prng, counters } = this.#world;
    const { base, lastIndex } = member.disk;
    const highest = Math.min(upTo, lastIndex);
    if (highest <= base.index) return;
    const index = at(prng.chance(0.5) ? highest : prng.int(base.index + 1, highest));
    if (member.disk.termAt(index) !== member.node.termAt(index)) return;
    counters.compactions++;
    member.compact(index, nowMs);
  }

  /** A transfer that outlived its need: mostly older than what the peer has (scenario 44). */
  #sendUnasked(): void {
    const { member, isLeader } = this.#process;
    const peers = this.#world.members.filter((other) => other !== member);
    if (isLeader && peers.length > 0) this.#begin(this.#world.prng.pick(peers).id);
  }

  #begin(peer: NodeId): void {
    if (this.#sending.has(peer)) return;
    const { prng, healed } = this.#world;
    const { member, run } = this.#process;
    const newest = member.disk.snapshot;
    if (newest === undefined || (!healed && prng.chance(0.1))) {
      this.#soon(() => this.#end(peer, undefined));
      return;
    }
    const label = snapshotLabel(newest, member.id);
    const transfer = { run, label, totalChunks: prng.int(1, 4), nextChunk: 0, silent: 0 };
    this.#sending.set(peer, transfer);
    this.#transmit(peer, transfer);
  }

  /** Repeated until an answer comes; chunks beyond what the peer wants are sent as well. */
  #transmit(peer: NodeId, transfer: Transfer): void {
    const { member, isLeader } = this.#process;
    if (this.#sending.get(peer) !== transfer) return;
    if (!isLeader || transfer.silent++ > silentMax) {
      this.#end(peer, undefined);
      return;
    }
    const { prng, healed, electionTimeoutMs } = this.#world;
    const from = transfer.nextChunk;
    const { label, totalChunks, silent } = transfer;
    const fields = { label, totalChunks, from, count: prng.int(0, 2) };
    const whole = snapshotMessage({ term: member.node.term, leaderId: member.id, ...fields });
    const message = !healed && prng.chance(0.1) ? damaged(whole) : whole;
    member.send({ to: peer, message });
    this.#process.later(electionTimeoutMs / 2, () => {
      if (transfer.nextChunk === from && transfer.silent === silent) this.#transmit(peer, transfer);
    });
  }

  #answered(peer: NodeId, { lastIncluded, nextChunk, installed }: InstallSnapshotResponse): void {
    const transfer = this.#sending.get(peer);
    if (transfer?.label.lastIncluded.index !== lastIncluded.index) return;
    if (installed) {
      this.#soon(() => this.#end(peer, lastIncluded));
      return;
    }
    const moved = nextChunk !== transfer.nextChunk;
    transfer.silent = 0;
    transfer.nextChunk = Math.min(nextChunk, transfer.totalChunks);
    if (moved) this.#soon(() => this.#transmit(peer, transfer));
    else
      this.#process.later(this.#world.electionTimeoutMs / 4, () => this.#transmit(peer, transfer));
  }

  #end(peer: NodeId, lastIncluded: LogId | undefined): void {
    this.#sending.delete(peer);
    if (lastIncluded === undefined) this.#world.counters.transfersFailed++;
    this.#process.step({ kind: "snapshotSent", peer, lastIncluded });
  }

  #gather(from: NodeId, message: InstallSnapshot): void {
    const { lastIncluded } = message.label;
    if (this.#gatherer.take(message)) this.#install(lastIncluded);
    const { nextChunk } = this.#gatherer;
    this.#soon(() => {
      this.#process.step({ kind: "snapshotProgress", to: from, lastIncluded, nextChunk });
    });
  }

  /** First the file is durable, later the state that it makes is ready to be swapped in. */
  #install(lastIncluded: LogId): void {
    const process = this.#process;
    this.#soon(() => {
      process.member.saveSnapshot(lastIncluded);
      this.#soon(() => {
        const requestId = this.#world.request(process);
        const { configuration } = process.member.node.status();
        process.step({ kind: "snapshotReceived", requestId, lastIncluded, configuration });
        if (this.#gatherer.label?.index === lastIncluded.index) this.#gatherer.forget();
      });
    });
  }

  /** In another step of this run of the process, after as long as a sync may take. */
  #soon(action: () => void): void {
    const { prng, healed, electionTimeoutMs } = this.#world;
    this.#process.later(healed ? 0 : (prng.next() * electionTimeoutMs) / 4, action);
  }
}

/** One chunk arrives with other bytes than were sent (scenario 46). */
function damaged(message: InstallSnapshot): InstallSnapshot {
  const [first, ...rest] = message.chunks;
  if (first === undefined) return message;
  return { ...message, chunks: [{ ...first, data: Uint8Array.of(255) }, ...rest] };
}
