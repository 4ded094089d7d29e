import type { NodeId } from "../ids.js";
import { allVoters, quorumVote, type VoterSets } from "../quorum/voter-sets.js";

/**
 * Whether every set of nodes that can decide in `a` shares a node with every one that can in `b`
 * (I8). Tries all sets: for the few voters of a test.
 */
export function quorumsMeet(a: VoterSets, b: VoterSets): boolean {
  const nodes = [...new Set([...allVoters(a), ...allVoters(b)])];
  for (let set = 0; set < 2 ** nodes.length; set++) {
    const has = (id: NodeId) => ((set >> nodes.indexOf(id)) & 1) === 1;
    if (decides(a, has) && decides(b, (id) => !has(id))) return false;
  }
  return true;
}

function decides(sets: VoterSets, has: (id: NodeId) => boolean): boolean {
  return quorumVote(sets, has) === "won";
}
