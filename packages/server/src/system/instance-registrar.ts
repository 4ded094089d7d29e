import { type EngineError, isEngineError, type LogIndex, type NodeId } from "@d-engine/core";
import type { LeaderTracker } from "../driver/leader-tracker.js";
import type { Logger } from "../driver/logger.js";
import type { InstanceDirectory, PeerIdentity } from "../peers/handshake.js";
import { encodeSystemCommand } from "./system-command.js";

export interface InstanceRegistrarSetup {
  readonly self: PeerIdentity;
  readonly directory: InstanceDirectory;
  readonly leader: LeaderTracker;
  readonly isMember: (id: NodeId) => boolean;
  /** Proposes a command; rejects on a node that does not lead. */
  readonly propose: (command: Uint8Array) => Promise<unknown>;
  readonly logger: Logger;
}

/**
 * Records, while this node leads, which data directory each member has (rule R13), itself
 * included: from then on no other directory can speak, vote or be counted under that id
 * (scenario 35). Members are met by whichever connection comes first.
 */
export class InstanceRegistrar {
  readonly #setup: InstanceRegistrarSetup;
  /** Who was met and is not recorded yet; members only, so it is bounded by them. */
  readonly #met = new Map<NodeId, PeerIdentity>();
  readonly #underWay = new Set<NodeId>();
  readonly #unsubscribe: () => void;

  constructor(setup: InstanceRegistrarSetup) {
    this.#setup = setup;
    this.#met.set(setup.self.nodeId, setup.self);
    this.#unsubscribe = setup.leader.subscribe(() => this.#recordAll());
    this.#recordAll();
  }

  /** A peer has shown itself, and nothing speaks against it. */
  contact(peer: PeerIdentity): void {
    const { directory, isMember } = this.#setup;
    if (directory.instanceOf(peer.nodeId) !== undefined || !isMember(peer.nodeId)) return;
    this.#met.set(peer.nodeId, peer);
    this.#recordAll();
  }

  instanceOf(id: NodeId): string | undefined {
    return this.#setup.directory.instanceOf(id);
  }

  removalOf(id: NodeId, instanceId: string): LogIndex | undefined {
    return this.#setup.directory.removalOf?.(id, instanceId);
  }

  /** Records a directory that joins; nothing when it is recorded already. */
  async record(nodeId: NodeId, instanceId: string): Promise<void> {
    if (this.instanceOf(nodeId) === instanceId) return;
    await this.#setup.propose(
      encodeSystemCommand({ kind: "registerInstance", nodeId, instanceId }),
    );
  }

  close(): void {
    this.#unsubscribe();
    this.#met.clear();
  }

  #recordAll(): void {
    const { leader, self, directory } = this.#setup;
    if (leader.current?.leaderId !== self.nodeId) return;
    for (const peer of [...this.#met.values()]) {
      if (directory.instanceOf(peer.nodeId) !== undefined) this.#met.delete(peer.nodeId);
      else if (!this.#underWay.has(peer.nodeId)) void this.#record(peer);
    }
  }

  async #record({ nodeId, instanceId }: PeerIdentity): Promise<void> {
    const { propose, logger } = this.#setup;
    this.#underWay.add(nodeId);
    try {
      await propose(encodeSystemCommand({ kind: "registerInstance", nodeId, instanceId }));
      this.#met.delete(nodeId);
      logger.info(`recorded instance ${instanceId} of node ${nodeId}`);
    } catch (error) {
      // Another leader, or this one later, records it at the next contact.
      if (!isEngineError(error)) throw error;
      logger.info(`instance of node ${nodeId} not recorded yet: ${(error as EngineError).message}`);
    } finally {
      this.#underWay.delete(nodeId);
    }
  }
}
