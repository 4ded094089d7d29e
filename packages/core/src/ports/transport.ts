import type { LogIndex, NodeId } from "../ids.js";
import type { Member } from "../membership/configuration.js";
import type { Envelope, Message } from "../message.js";

/**
 * Carries messages between nodes. Delivery is best effort: messages may be lost, repeated and,
 * between reconnects, reordered. Bounded: what does not fit is dropped and counted, and the peer
 * reported by `unreachable`.
 */
export interface Transport {
  start(listener: TransportListener): void;
  /** Queues one message. Never blocks and never throws. */
  send(envelope: Envelope): void;
  /**
   * The members that the node knows of from now on, itself included, and where they are. Called
   * before the first message to a new one.
   */
  setMembers(members: readonly Member[]): void;
  /**
   * Connects to the members anew, so that each looks again at who is calling: one that knows of
   * this node's removal then says so, by `removed`. A node that hears no leader calls it now and then.
   */
  greetMembers?(): void;
  close(): Promise<void>;
}

export interface TransportListener {
  receive(from: NodeId, message: Message): void;
  /** The connection to this peer broke or its queue overflowed: messages may be lost. */
  unreachable(peer: NodeId): void;
  /** A member has applied the entry `by`, which took this very node out of the cluster. */
  removed?(by: LogIndex): void;
}
