import type { NodeMirror } from "./node-mirror.js";
import type { Checker } from "./witness.js";

/**
 * I6: term, vote and commit never go back on a node. Over a restart, what others may have heard
 * counts: votes and terms that were sent (the commit index may be known less far again, and is
 * then confirmed anew).
 */
export function nothingGoesBack(): Checker {
  /** By term, for whom each directory of a node voted. */
  const votes = new Map<NodeMirror, Map<number, number>>();
  const sentTerms = new Map<NodeMirror, number>();
  return {
    rule: "I6",
    stepped(mirror, status, before) {
      const sent = sentTerms.get(mirror) ?? 0;
      if (status.term < sent) return `is in term ${status.term} after it spoke in term ${sent}`;
      if (before === undefined) return undefined;
      if (status.term < before.term) return `term goes back from ${before.term} to ${status.term}`;
      if (status.commitIndex < before.commitIndex) {
        return `commit goes back from ${before.commitIndex} to ${status.commitIndex}`;
      }
      const sameTerm = status.term === before.term && before.votedFor !== undefined;
      if (sameTerm && status.votedFor !== before.votedFor) {
        return `votes for ${status.votedFor} in term ${status.term}, before for ${before.votedFor}`;
      }
      return undefined;
    },
    sending(mirror, { to, message }) {
      if (message.kind === "preVote") return undefined; // Its term is one that may come.
      const { nodeId } = mirror;
      sentTerms.set(mirror, Math.max(message.term, sentTerms.get(mirror) ?? 0));
      const granted = message.kind === "requestVoteResponse" && message.granted;
      const candidate = message.kind === "requestVote" ? nodeId : granted ? to : undefined;
      if (candidate === undefined) return undefined;
      const own = votes.get(mirror) ?? new Map<number, number>();
      votes.set(mirror, own);
      const other = own.get(message.term);
      own.set(message.term, candidate);
      if (other === undefined || other === candidate) return undefined;
      return `votes for ${candidate} in term ${message.term}, in which it voted for ${other}`;
    },
  };
}
