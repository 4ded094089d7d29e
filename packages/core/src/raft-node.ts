import type { Effects, Input } from "./effects.js";
import { onAppendEntries } from "./handlers/append-entries.js";
import { onAppendEntriesResponse } from "./handlers/append-entries-response.js";
import { onApplied } from "./handlers/applied.js";
import { onChangeMembership } from "./handlers/change-membership.js";
import { onCompact } from "./handlers/compact.js";
import {
  onInstallSnapshot,
  onInstallSnapshotResponse,
  onSnapshotProgress,
  onSnapshotReceived,
} from "./handlers/install-snapshot.js";
import { onLogRead } from "./handlers/log-read.js";
import { onPersisted } from "./handlers/persisted.js";
import { onPropose } from "./handlers/propose.js";
import { onRead, onReadIndex, onReadIndexResponse } from "./handlers/read.js";
import { onPreVote, onRequestVote } from "./handlers/request-vote.js";
import { onSnapshotSent } from "./handlers/snapshot-sent.js";
import { onTick } from "./handlers/tick.js";
import { onTimeoutNow, onTransfer } from "./handlers/transfer.js";
import { onUnreachable } from "./handlers/unreachable.js";
import { onPreVoteResponse, onRequestVoteResponse } from "./handlers/vote-responses.js";
import type { BatchId, LogIndex, NodeId, Term } from "./ids.js";
import { assertNever, invariant } from "./invariant.js";
import type { MembershipConfiguration } from "./membership/configuration.js";
import type { Message } from "./message.js";
import type { ReplicationState } from "./progress/progress.js";
import { leaseUntilMs } from "./reads/lease.js";
import { type RaftNodeSetup, RaftState } from "./state.js";
import { type RaftStatus, statusOf } from "./status.js";

/**
 * One member of a Raft cluster as a pure state machine: each `step` takes one input and says what
 * must be done. No I/O, no clock, no randomness but the source it was given; the same setup and
 * inputs give the same effects.
 *
 * The driver persists `hardState` and `append` as one numbered batch, sends `send` at once and
 * `sendAfterPersist` when that batch is durable, applies `apply` in order, and reports back with
 * `persisted` and `applied`. `step` is never called from within `step`.
 *
 * @example
 * const node = new RaftNode(setup);
 * const effects = node.step({ kind: "tick", nowMs: 12_000 });
 */
export class RaftNode {
  readonly #state: RaftState;
  #stepping = false;

  constructor(setup: RaftNodeSetup) {
    this.#state = new RaftState(setup);
  }

  /** Handles one input. Throws `InvariantViolation` alone, after which the node must stop. */
  step(input: Input): Effects {
    invariant(!this.#stepping, "step called from within step");
    this.#stepping = true;
    const node = this.#state;
    // Late inputs are judged by the newest time seen: the driver's clock is monotonic, but a
    // test or a custom driver may hand in two inputs in the wrong order.
    if (input.nowMs > node.nowMs) node.nowMs = input.nowMs;
    dispatch(node, input);
    const effects = node.outbox.take(this.#issueBatch());
    this.#stepping = false;
    return effects;
  }

  /**
   * Whether a value that was read from the applied state just before may be answered as a lease
   * read: this node leads, its noop and every commit it knows of are applied, and no other node
   * can have been elected by `nowMs`, a clock read made *after* the value was read (rule R1).
   */
  leaseHolds(nowMs: number): boolean {
    const node = this.#state;
    const { role } = node;
    if (role.kind !== "leader" || role.leaseForbidden) return false;
    // Removed, with one voter left: that one is bound by no promise when it starts again (R3).
    if (!node.isVoter) return false;
    if (node.commitIndex < role.noopIndex || node.appliedIndex < node.commitIndex) return false;
    const until = leaseUntilMs(
      node.voters,
      node.id,
      (id) => {
        const peer = role.progress.get(id);
        if (peer === undefined || peer.ackedRound <= role.leaseVoidRound) return undefined;
        return { sentMs: peer.ackedRoundSentMs, promisedTimeoutMs: peer.promisedTimeoutMs };
      },
      node.options,
    );
    return nowMs < until;
  }

  get commitIndex(): LogIndex {
    return this.#state.commitIndex;
  }

  get lastIndex(): LogIndex {
    return this.#state.log.lastIndex;
  }

  get term(): Term {
    return this.#state.term;
  }

  get leaderId(): NodeId | undefined {
    return this.#state.leaderId;
  }

  /** The one in effect: the newest in the log, committed or not. */
  get configuration(): MembershipConfiguration {
    return this.#state.configuration;
  }

  get isLeader(): boolean {
    return this.#state.role.kind === "leader";
  }

  /** The term at a retained index; `undefined` when it is purged or not there. */
  termAt(index: LogIndex): Term | undefined {
    const found = this.#state.log.termAt(index);
    return typeof found === "number" ? found : undefined;
  }

  /** How this leader sends to a peer; `undefined` when it does not lead or know the peer. */
  replicationStateOf(peer: NodeId): ReplicationState | undefined {
    const { role } = this.#state;
    return role.kind === "leader" ? role.progress.get(peer)?.state : undefined;
  }

  status(): RaftStatus {
    return statusOf(this.#state);
  }

  /** Numbers what this step writes, so that its acknowledgement can be told from any other. */
  #issueBatch(): BatchId {
    const node = this.#state;
    const { outbox } = node;
    if (!outbox.writes) return node.batch;
    node.batch = (node.batch + 1) as BatchId;
    node.durability.issued(node.batch, node.log.lastIndex);
    if (outbox.hardState !== undefined) {
      const { minElectionTimeoutMs } = outbox.hardState;
      node.promisesPending.push({ batch: node.batch, minElectionTimeoutMs });
      if (node.termUnsaved) node.termBatch = node.batch;
      node.termUnsaved = false;
    }
    return node.batch;
  }
}

function dispatch(node: RaftState, input: Input): void {
  switch (input.kind) {
    case "tick":
      return onTick(node);
    case "receive":
      return receive(node, input.from, input.message);
    case "propose":
      return onPropose(node, input.requestId, input.commands);
    case "read":
      return onRead(node, input.requestId);
    case "persisted":
      return onPersisted(node, input.batch);
    case "applied":
      return onApplied(node, input.upTo);
    case "logRead":
      return onLogRead(node, input.peer, input.from, input.entries);
    case "unreachable":
      return onUnreachable(node, input.peer);
    case "transfer":
      return onTransfer(node, input.requestId, input.target);
    case "changeMembership":
      return onChangeMembership(node, input.requestId, input.change, input.version);
    case "compact":
      return onCompact(node, input.base);
    case "snapshotReceived":
      return onSnapshotReceived(node, input.requestId, input.lastIncluded, input.configuration);
    case "snapshotProgress":
      return onSnapshotProgress(node, input.to, input.lastIncluded, input.nextChunk);
    case "snapshotSent":
      return onSnapshotSent(node, input.peer, input.lastIncluded);
    case "clockJump":
      if (node.role.kind === "leader") node.role.leaseVoidRound = node.role.rounds.current;
      return;
    default:
      return assertNever(input);
  }
}

/**
 * No cluster holds so many elections while a member is away. Who believed a term far beyond would
 * soon have none left to campaign in: they end at 2^53.
 */
const termLeapMax = 2 ** 32;

function receive(node: RaftState, from: NodeId, message: Message): void {
  if (message.term > node.term + termLeapMax) {
    node.droppedMessages++;
    return;
  }
  switch (message.kind) {
    case "appendEntries":
      return onAppendEntries(node, from, message);
    case "appendEntriesResponse":
      return onAppendEntriesResponse(node, from, message);
    case "requestVote":
      return onRequestVote(node, from, message);
    case "requestVoteResponse":
      return onRequestVoteResponse(node, from, message);
    case "preVote":
      return onPreVote(node, from, message);
    case "preVoteResponse":
      return onPreVoteResponse(node, from, message);
    case "timeoutNow":
      return onTimeoutNow(node, from, message);
    case "readIndex":
      return onReadIndex(node, from, message);
    case "readIndexResponse":
      return onReadIndexResponse(node, from, message);
    case "installSnapshot":
      return onInstallSnapshot(node, from, message);
    case "installSnapshotResponse":
      return onInstallSnapshotResponse(node, from, message);
    default:
      return assertNever(message);
  }
}
