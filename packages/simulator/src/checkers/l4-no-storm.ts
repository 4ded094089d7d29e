/** What happened in a stretch of time in which nobody called and nothing went wrong. */
export interface IdleStretch {
  readonly durationMs: number;
  readonly nodes: number;
  readonly voters: number;
  /** Nodes that are broken for good: they may go on asking for votes. */
  readonly broken: number;
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** By how much the highest term of the healthy nodes rose. */
  readonly terms: number;
  /** Handed to the network by anybody. */
  readonly messages: number;
}

/**
 * L4: no storm. With a leader and without faults there is no election at all, as pre-vote keeps
 * broken nodes from disturbing; and there are no messages but these:
 * - a heartbeat to each other node, and its answer, each heartbeat interval;
 * - of each broken node a pre-vote to every other voter, and its answer, each election timeout;
 * - half as many again, for what nodes still do on behalf of callers that have given up.
 */
export function stormIn(stretch: IdleStretch): string | undefined {
  if (stretch.terms > 0) {
    return `terms rose by ${stretch.terms} while nothing happened for ${stretch.durationMs} ms`;
  }
  const max = messagesMax(stretch);
  if (stretch.messages <= max) return undefined;
  return (
    `${stretch.messages} messages among ${stretch.nodes} nodes in ${stretch.durationMs} ms in ` +
    `which nothing happened; at most ${max} are due`
  );
}

function messagesMax(stretch: IdleStretch): number {
  const { nodes, voters, broken, electionTimeoutMs, heartbeatIntervalMs } = stretch;
  const durationMs = stretch.durationMs * fastestClock;
  // One more of each: what was due when the stretch began.
  const rounds = Math.ceil(durationMs / heartbeatIntervalMs) + 1;
  const campaigns = Math.ceil(durationMs / electionTimeoutMs) + 1;
  const expected = 2 * (nodes - 1) * rounds + 2 * broken * (voters - 1) * campaigns;
  return Math.ceil(1.5 * expected);
}

/** How much faster than true time the clocks of a swarm go at most. */
const fastestClock = 1.05;
