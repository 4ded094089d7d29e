import { assertNever, type Message } from "@d-engine/core";
import type { NodeMirror } from "./node-mirror.js";
import type { Checker } from "./witness.js";

/** I11: no message rests on a term, a vote or entries that are not durable at its sender. */
export function nothingUnsyncedIsTold(): Checker {
  return {
    rule: "I11",
    sending(mirror, { to, message }) {
      const saved = mirror.durable.hardState;
      // A pre-vote names the term after the asker's own.
      const term = message.kind === "preVote" ? message.term - 1 : message.term;
      if (term > (saved?.term ?? 0)) {
        return `sends ${message.kind} of term ${term}, durable is ${saved?.term ?? 0}`;
      }
      return checkContent(mirror, to, message);
    },
  };
}

function checkContent(mirror: NodeMirror, to: number, message: Message): string | undefined {
  const { durable } = mirror;
  switch (message.kind) {
    case "requestVote":
      return checkVote(mirror, mirror.nodeId, message.term);
    case "requestVoteResponse":
      return message.granted ? checkVote(mirror, to, message.term) : undefined;
    case "appendEntriesResponse": {
      if (message.result.kind !== "success") return undefined;
      const { term, index } = message.result.lastMatch;
      if (mirror.survives(index, term)) return undefined;
      // One sync may cover the entry and what a later term put in its place. To the leader that
      // asked, the answer is then one that was under way for long.
      const isOld = message.term < (durable.hardState?.term ?? 0);
      if (isOld && mirror.wasDurable(index, term)) return undefined;
      const found = durable.termAt(index) ?? "nothing";
      return `acknowledges entry ${index} of term ${term}, durable there is ${found}`;
    }
    case "appendEntries":
    case "preVote":
    case "preVoteResponse":
    case "timeoutNow":
    case "readIndex":
    case "readIndexResponse":
    case "installSnapshot":
    case "installSnapshotResponse":
      return undefined;
    default:
      return assertNever(message);
  }
}

/** A later vote may be durable already: the disk then holds a later term. */
function checkVote({ durable }: NodeMirror, candidate: number, term: number): string | undefined {
  const saved = durable.hardState;
  if (saved !== undefined && saved.term > term) return undefined;
  if (saved?.term === term && saved.votedFor === candidate) return undefined;
  return `votes for ${candidate} in term ${term}, durable is ${JSON.stringify(saved)}`;
}
