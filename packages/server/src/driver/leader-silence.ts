import type { Clock, Message, RaftNode, Transport } from "@d-engine/core";

export interface LeaderSilenceSetup {
  readonly node: RaftNode;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly electionTimeoutMs: number;
}

/** Silence of this many election timeouts is more than an election takes, even an unlucky one. */
const silentTimeouts = 5;

/**
 * Lets a node that has not heard a leader for long show itself to the members. A leader tells a
 * removed node of its removal for an election timeout and no longer (rule R12); whoever was away
 * then would wait for ever, as a learner calls nobody by itself.
 */
export class LeaderSilence {
  readonly #setup: LeaderSilenceSetup;
  #sinceMs: number;

  constructor(setup: LeaderSilenceSetup) {
    this.#setup = setup;
    this.#sinceMs = setup.clock.nowMs();
  }

  received({ kind }: Message): void {
    if (kind === "appendEntries" || kind === "installSnapshot") this.#begin();
  }

  /** Called every now and then. Asks at most once in as many election timeouts. */
  review(): void {
    const { node, transport, clock, electionTimeoutMs } = this.#setup;
    if (node.isLeader) this.#begin();
    if (clock.nowMs() - this.#sinceMs < silentTimeouts * electionTimeoutMs) return;
    this.#begin();
    transport.greetMembers?.();
  }

  #begin(): void {
    this.#sinceMs = this.#setup.clock.nowMs();
  }
}
