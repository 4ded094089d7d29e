import type { Member, MembershipConfiguration, RaftNode, Transport } from "@d-engine/core";

/**
 * Tells the transport whom this node may have to speak to: the members in effect, the voters that
 * a joint configuration is about to lose, and whom a leader still sends to after their removal, so
 * that they hear of it (rule R12).
 */
export class ReachableMembers {
  readonly #node: RaftNode;
  readonly #transport: Transport;
  #told: readonly Member[] = [];
  /** Members no more, but still sent to. */
  #departing: readonly Member[] = [];

  constructor(node: RaftNode, transport: Transport) {
    this.#node = node;
    this.#transport = transport;
  }

  /** Another configuration is in effect, or the node starts. */
  update(configuration: MembershipConfiguration): void {
    const { members, leaving = [] } = configuration;
    const current = [...members, ...leaving];
    const ids = new Set(current.map(({ id }) => id));
    const former = this.#told.filter(({ id }) => !ids.has(id));
    this.#departing = former.filter(({ id }) => this.#isSentTo(id));
    this.#told = [...current, ...this.#departing];
    this.#transport.setMembers(this.#told);
  }

  /** Lets go of those who have left for good. Called every now and then. */
  review(): void {
    if (this.#departing.every(({ id }) => this.#isSentTo(id))) return;
    this.update(this.#node.configuration);
  }

  #isSentTo(id: Member["id"]): boolean {
    return this.#node.replicationStateOf(id) !== undefined;
  }
}
