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
  #heardMs: number;

  constructor(setup: LeaderSilenceSetup) {
    this.#setup = setup;
    this.#sinceMs = setup.clock.nowMs();
    this.#heardMs = this.#sinceMs;
  }

  /** How long no leader was heard; 0 of a node that leads. A learner never gives its leader up. */
  get leaderMs(): number {
    return this.#setup.clock.nowMs() - this.#heardMs;
  }

  received({ kind }: Message): void {
    if (kind === "appendEntries" || kind === "installSnapshot") this.#heard();
  }

  /** Called every now and then. Asks at most once in as many election timeouts. */
  review(): void {
    const { node, transport, clock, electionTimeoutMs } = this.#setup;
    if (node.isLeader) this.#heard();
    if (clock.nowMs() - this.#sinceMs < silentTimeouts * electionTimeoutMs) return;
    this.#begin();
    transport.greetMembers?.();
  }

  #heard(): void {
    this.#begin();
    this.#heardMs = this.#sinceMs;
  }

  #begin(): void {
    this.#sinceMs = this.#setup.clock.nowMs();
  }
}
