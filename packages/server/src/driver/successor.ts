import { isEngineError, type NodeId, type RaftStatus } from "@d-engine/core";
import type { Logger } from "./logger.js";

/** A node may stop without a successor, too: the others then elect one by themselves. */
export async function handOver(
  node: { transferLeadership(target: NodeId): Promise<void> },
  successor: NodeId,
  logger: Logger,
): Promise<void> {
  try {
    await node.transferLeadership(successor);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    logger.info(`closing without handing leadership over: ${error.message}`);
  }
}

/**
 * The voter that could lead soonest: replicating, heard lately, and with the longest log.
 * `undefined` on a node that does not lead, or leads nobody who could follow it.
 */
export function successorOf(status: RaftStatus): NodeId | undefined {
  if (status.role !== "leader") return undefined;
  const voters = new Set(
    status.configuration.members.filter((m) => m.status === "active").map((m) => m.id),
  );
  const candidates = status.peers.filter(
    ({ id, state, silentMs }) => voters.has(id) && state === "replicate" && silentMs < silentMsMax,
  );
  candidates.sort((a, b) => b.matchIndex - a.matchIndex || a.id - b.id);
  return candidates[0]?.id;
}

/** A peer silent for longer would most likely not take over. */
const silentMsMax = 1000;
