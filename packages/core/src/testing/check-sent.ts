import type { NodeId, Term } from "../ids.js";
import { assertNever, invariant } from "../invariant.js";
import type { AppendEntriesResponse, Envelope, Message } from "../message.js";
import type { DurableModel } from "./durable-model.js";

/**
 * Checks that a message rests on nothing that its sender could still forget (I11): its term, a
 * vote, and what it says of its log and of its election timeout are durable when it leaves.
 *
 * @throws InvariantViolation
 */
export function checkSent(id: NodeId, { to, message }: Envelope, durable: DurableModel): void {
  const term = termShown(message);
  const held = durable.hardState?.term ?? 0;
  invariant(
    held >= term,
    () => `I11: node ${id} sends ${message.kind} of term ${term}, has ${held}`,
  );
  if (message.kind === "requestVote") {
    checkVote(id, id, message.term, durable);
    const { lastLog } = message;
    invariant(
      durable.everHeld(lastLog),
      () =>
        `I11: node ${id} campaigns with (${lastLog.term}, ${lastLog.index}) before it is durable`,
    );
  } else if (message.kind === "requestVoteResponse" && message.granted) {
    checkVote(id, to, message.term, durable);
  } else if (message.kind === "appendEntriesResponse") {
    checkAppendAnswer(id, message, durable);
  } else if (message.kind === "installSnapshotResponse" && message.installed) {
    const { term, index } = message.lastIncluded;
    invariant(
      durable.everHeld(message.lastIncluded),
      () => `I11: node ${id} says (${term}, ${index}) is installed before it is durable`,
    );
  } else if (message.kind === "installSnapshot") {
    const { term, index } = message.label.lastIncluded;
    invariant(
      index <= (durable.snapshot?.index ?? 0),
      () => `I11: node ${id} sends a snapshot of (${term}, ${index}) that is not durable`,
    );
  }
}

function checkVote(id: NodeId, candidate: NodeId, term: Term, durable: DurableModel): void {
  const vote = durable.voteIn(term);
  invariant(
    vote === candidate,
    () => `I11: node ${id} votes for ${candidate} in term ${term}, on its disk is ${vote}`,
  );
}

function checkAppendAnswer(
  id: NodeId,
  { result, minElectionTimeoutMs }: AppendEntriesResponse,
  durable: DurableModel,
): void {
  const promised = durable.hardState?.minElectionTimeoutMs ?? 0;
  invariant(
    minElectionTimeoutMs <= promised,
    () => `R3: node ${id} promises ${minElectionTimeoutMs} ms, on its disk are ${promised} ms`,
  );
  if (result.kind !== "success") return;
  const { term, index } = result.lastMatch;
  invariant(
    durable.everHeld(result.lastMatch),
    () => `I11: node ${id} vouches for (${term}, ${index}) before it is durable`,
  );
}

/** The term that the sender shows to be its own by sending this. */
function termShown(message: Message): number {
  switch (message.kind) {
    case "preVote":
      return message.term - 1;
    case "appendEntries":
    case "appendEntriesResponse":
    case "requestVote":
    case "requestVoteResponse":
    case "preVoteResponse":
    case "timeoutNow":
    case "readIndex":
    case "readIndexResponse":
    case "installSnapshot":
    case "installSnapshotResponse":
      return message.term;
    default:
      return assertNever(message);
  }
}
