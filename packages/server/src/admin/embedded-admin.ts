import {
  additionOf,
  type CallOptions,
  type ChangeOptions,
  type ClusterAdmin,
  type ClusterMembers,
  checkedId,
  connectAdmin,
  type MembersChanged,
  type NewMember,
  promotionOf,
  removalOf,
  type SnapshotInfo,
  type SnapshotOptions,
  sealedBackup,
} from "@d-engine/client";
import {
  isEngineError,
  type LogIndex,
  type MembershipChange,
  type NodeId,
  type RoleKind,
  type SnapshotLabel,
} from "@d-engine/core";
import { ProgramToken } from "../auth/program-token.js";
import type { LocalNode } from "../driver/local-node.js";
import { usableLeader } from "../grpc/cluster-view.js";
import type { NodeSecurity } from "../security/node-security.js";
import { type AdminNode, saveFreshSnapshot } from "./admin-node.js";

const pieceBytes = 256 * 1024;

/**
 * The administration of a cluster from one of its nodes in this process: what this node can do it
 * does, what only the leader can do goes there.
 */
export class EmbeddedAdmin implements ClusterAdmin {
  readonly #node: LocalNode;
  readonly #admin: AdminNode;
  readonly #security: Pick<NodeSecurity, "clientTls">;
  readonly #timeoutMs: number;
  readonly #token: ProgramToken;
  #remote: ClusterAdmin | undefined;

  /** `timeoutMs` is for calls that state no time of their own. */
  constructor(
    node: LocalNode,
    admin: AdminNode,
    security: Pick<NodeSecurity, "clientTls">,
    timeoutMs: number,
  ) {
    this.#node = node;
    this.#admin = admin;
    this.#security = security;
    this.#timeoutMs = timeoutMs;
    this.#token = new ProgramToken(node);
  }

  async members(): Promise<ClusterMembers> {
    const status = this.#node.status();
    const { nodeId, role, leaderId, configuration } = status;
    const { members, logId } = configuration;
    const roleOf = (id: NodeId): RoleKind | undefined =>
      id === nodeId ? role : id === leaderId ? "leader" : undefined;
    return {
      version: Math.min(logId.index, status.commitIndex),
      leaderId: usableLeader(status)?.id,
      members: members.map((member) => ({ ...member, role: roleOf(member.id) })),
    };
  }

  async addMember(member: NewMember, options?: ChangeOptions): Promise<MembersChanged> {
    return await this.#change(additionOf(member), options, (admin, rest) =>
      admin.addMember(member, rest),
    );
  }

  async removeMember(
    ids: number | readonly number[],
    options?: ChangeOptions,
  ): Promise<MembersChanged> {
    return await this.#change(removalOf(ids), options, (admin, rest) =>
      admin.removeMember(ids, rest),
    );
  }

  async promoteMember(
    ids: number | readonly number[],
    options?: ChangeOptions,
  ): Promise<MembersChanged> {
    return await this.#change(promotionOf(ids), options, (admin, rest) =>
      admin.promoteMember(ids, rest),
    );
  }

  async transferLeadership(id: number, options?: CallOptions): Promise<void> {
    const target = checkedId(id);
    await this.#atLeader(
      () => this.#admin.transferLeadership(target),
      (admin) => admin.transferLeadership(id, options),
    );
  }

  async saveSnapshot(options: SnapshotOptions = {}): Promise<SnapshotInfo> {
    return infoOf(await this.#save(options));
  }

  async *downloadSnapshot(options: SnapshotOptions = {}): AsyncGenerator<Uint8Array, void> {
    await this.#save(options);
    const file = await this.#admin.openSnapshot();
    try {
      yield* sealedBackup(file.pieces(pieceBytes), infoOf(file.label).checksum);
    } finally {
      await file.close();
    }
  }

  async close(): Promise<void> {
    await this.#remote?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #save({ consistency, signal, timeoutMs }: SnapshotOptions): Promise<SnapshotLabel> {
    const eventual = consistency === "eventual";
    return saveFreshSnapshot(this.#node, this.#admin, { eventual, signal, timeoutMs });
  }

  async #change(
    change: MembershipChange,
    options: ChangeOptions = {},
    there: (admin: ClusterAdmin, options: ChangeOptions) => Promise<MembersChanged>,
  ): Promise<MembersChanged> {
    const timed = { timeoutMs: this.#timeoutMs, ...options };
    const version = options.version as LogIndex | undefined;
    return await this.#atLeader(
      async () => {
        const { logId } = await this.#admin.changeMembership(change, { ...timed, version });
        return { version: logId.index };
      },
      (admin) => there(admin, timed),
    );
  }

  /** What surely had no effect here is asked of the others, who know the leader (C2). */
  async #atLeader<T>(
    here: () => Promise<T>,
    there: (admin: ClusterAdmin) => Promise<T>,
  ): Promise<T> {
    try {
      return await here();
    } catch (error) {
      const remote = isEngineError(error, "NOT_LEADER") ? this.#others() : undefined;
      if (remote === undefined) throw error;
      return await there(remote);
    }
  }

  #others(): ClusterAdmin | undefined {
    const { configuration, nodeId } = this.#node.status();
    const others = configuration.members.filter(({ id }) => id !== nodeId);
    if (others.length === 0) return undefined;
    const leader = this.#node.leaderHint();
    const addresses = others.map(({ address }) => address);
    if (leader !== undefined && leader.address !== "") addresses.unshift(leader.address);
    this.#remote ??= connectAdmin(addresses, {
      timeoutMs: this.#timeoutMs,
      token: () => this.#token.current(),
      tls: this.#security.clientTls,
    });
    return this.#remote;
  }
}

function infoOf({ lastIncluded, checksum, bytes }: SnapshotLabel): SnapshotInfo {
  return { lastIncluded, checksum: Buffer.from(checksum).toString("hex"), bytes };
}
