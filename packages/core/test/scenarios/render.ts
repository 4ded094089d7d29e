import {
  type AppendResult,
  assertNever,
  type Effects,
  type Entry,
  type HardState,
  type LogId,
  type MembershipChange,
  type MembershipConfiguration,
  type Message,
  type RaftStatus,
  type Reply,
} from "@d-engine/core";
import { textOf } from "../support/messages.js";

/** A position is written `term.index`, an entry with its content behind it unless it is the same. */
export function position({ term, index }: LogId): string {
  return `${term}.${index}`;
}

function entryText(entry: Entry): string {
  const { payload } = entry;
  const content =
    payload.kind === "command"
      ? textOf(payload.command)
      : payload.kind === "config"
        ? changeText(payload.change)
        : payload.kind;
  return content === position(entry) ? content : `${position(entry)} ${content}`;
}

function changeText(change: MembershipChange): string {
  switch (change.kind) {
    case "addNode":
      return `add ${change.nodeId} ${change.status}`;
    case "removeNode":
      return `remove ${change.nodeId}`;
    case "promoteLearner":
      return `promote ${change.nodeId}`;
    case "batchPromote":
      return `promote ${change.nodeIds.join("+")}`;
    case "batchRemove":
      return `remove ${change.nodeIds.join("+")}`;
    case "leaveJoint":
      return "leave joint";
    default:
      return assertNever(change);
  }
}

/** The voters of both halves, the learners, and the entry that made them. */
export function membersText({ logId, members, outgoingVoters }: MembershipConfiguration): string {
  const voters = members.filter((member) => member.status === "active").map(({ id }) => id);
  const learners = members
    .filter((member) => member.status !== "active")
    .map(({ id, status }) => (status === "readOnly" ? `${id} (read only)` : `${id}`));
  const from = outgoingVoters === undefined ? "" : ` from ${outgoingVoters.join(" ")}`;
  const also = learners.length === 0 ? "" : ` learners ${learners.join(" ")}`;
  return `voters ${voters.join(" ")}${from}${also} of ${position(logId)}`;
}

/** Long lists show their ends: 2,000 proposals need not fill 2,000 lines. */
export function list(entries: readonly Entry[]): string {
  const shown = entries.map(entryText);
  if (shown.length > 8) shown.splice(3, shown.length - 5, `… ${shown.length - 5} more …`);
  return `[${shown.join(", ")}]`;
}

export function message(message: Message): string {
  const head = `${message.kind} t${message.term}`;
  switch (message.kind) {
    case "appendEntries": {
      const { round, prev, entries, leaderCommit } = message;
      return `${head} round ${round} prev ${position(prev)} ${list(entries)} commit ${leaderCommit}`;
    }
    case "appendEntriesResponse": {
      const { round, minElectionTimeoutMs, result } = message;
      return `${head} round ${round} promise ${minElectionTimeoutMs} ${appendResult(result)}`;
    }
    case "requestVote": {
      const transfer = message.leadershipTransfer ? " transfer" : "";
      return `${head} last ${position(message.lastLog)}${transfer}`;
    }
    case "requestVoteResponse":
      return `${head} ${message.granted ? "granted" : "refused"}`;
    case "preVote":
      return `${head} last ${position(message.lastLog)}`;
    case "preVoteResponse":
      return `${head} for t${message.campaignTerm} ${message.granted ? "granted" : "refused"}`;
    case "timeoutNow":
      return head;
    case "readIndex":
      return `${head} id ${message.id.nonce}/${message.id.sequence}`;
    case "readIndexResponse":
      return `${head} id ${message.id.nonce}/${message.id.sequence} index ${message.index ?? "refused"}`;
    case "installSnapshot": {
      const { label, chunks, totalChunks } = message;
      const from = chunks[0]?.sequence ?? "none";
      return `${head} snapshot ${position(label.lastIncluded)} chunks ${chunks.length} from ${from} of ${totalChunks}`;
    }
    case "installSnapshotResponse": {
      const { lastIncluded, nextChunk, installed } = message;
      const wants = installed ? "installed" : `wants chunk ${nextChunk}`;
      return `${head} snapshot ${position(lastIncluded)} ${wants}`;
    }
    default:
      return assertNever(message);
  }
}

function appendResult(result: AppendResult): string {
  if (result.kind === "success") return `match ${position(result.lastMatch)}`;
  if (result.kind === "higherTerm") return "higher term";
  return `conflict at ${result.index}${result.term === undefined ? "" : ` of t${result.term}`}`;
}

function hardState({ term, votedFor, minElectionTimeoutMs }: HardState): string {
  return `term ${term} vote ${votedFor ?? "none"} promise ${minElectionTimeoutMs}`;
}

function reply(reply: Reply): string {
  const head = `answers ${reply.requestId}:`;
  switch (reply.kind) {
    case "proposed":
      return `${head} proposed in term ${reply.term} from ${reply.first} on`;
    case "readIndex":
      return `${head} read at ${reply.index}`;
    case "transferred":
      return `${head} transferred to ${reply.target}`;
    case "installed":
      return `${head} installed ${position(reply.lastIncluded)}`;
    case "refused":
      return `${head} ${reply.refusal.code}, ${reply.refusal.message}`;
    default:
      return assertNever(reply);
  }
}

/** What a step does, a line for each effect; messages are shown where they leave. */
export function effectLines(id: number, effects: Effects): string[] {
  const lines: string[] = [];
  const { roleChange: change, append } = effects;
  if (change !== undefined) {
    const follows = change.role === "follower" ? ` of ${change.leaderId ?? "nobody"}` : "";
    lines.push(`${id} is ${change.role}${follows} in term ${change.term}: ${change.reason}`);
  }
  const { resetLog } = effects;
  if (effects.hardState !== undefined || append.length > 0 || resetLog !== undefined) {
    const parts = effects.hardState === undefined ? [] : [hardState(effects.hardState)];
    if (resetLog !== undefined) parts.push(`log anew behind ${position(resetLog)}`);
    if (append.length > 0) parts.push(list(append));
    lines.push(`${id} writes #${effects.batch}: ${parts.join(" ")}`);
  }
  if (effects.configuration !== undefined) {
    lines.push(`${id} has ${membersText(effects.configuration)}`);
  }
  if (effects.apply.length > 0) lines.push(`${id} applies ${list(effects.apply)}`);
  for (const answer of effects.replies) lines.push(`${id} ${reply(answer)}`);
  for (const { peer, from, to } of effects.readLog) {
    lines.push(`${id} reads [${from}, ${to}) back for ${peer}`);
  }
  return lines;
}

export function statusLines(status: RaftStatus): string[] {
  const { id, role, term, last, commitIndex, durableIndex, appliedIndex } = status;
  const lead = status.leaderId === undefined ? "" : ` leader ${status.leaderId}`;
  const vote = status.votedFor === undefined ? "" : ` vote ${status.votedFor}`;
  const base = status.base.index === 0 ? "" : `base ${position(status.base)} `;
  const positions = `${base}last ${position(last)} durable ${durableIndex} commit ${commitIndex}`;
  const dropped = status.droppedMessages === 0 ? "" : ` dropped ${status.droppedMessages}`;
  const own = `${id} ${role} term ${term}${vote}${lead} ${positions} applied ${appliedIndex}${dropped}`;
  const peers = status.peers.map(
    (peer) => `  ${peer.id} ${peer.state} match ${peer.matchIndex} next ${peer.nextIndex}`,
  );
  return [own, ...peers];
}
