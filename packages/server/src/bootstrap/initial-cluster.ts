import { createHash, randomBytes } from "node:crypto";
import {
  EngineError,
  LOG_ORIGIN,
  type Member,
  type MembershipConfiguration,
  type NodeId,
  type NodeIdentity,
  nodeId,
} from "@d-engine/core";

/** The first members of a cluster: id → `host:port`, dialable by the others and by clients. */
export type InitialCluster = Readonly<Record<number, string>>;

export interface BootstrapOptions {
  readonly nodeId: NodeId;
  /** Where this node is reached, when it starts alone. */
  readonly address: string;
  /** All first members, this node among them; absent for a node that starts alone. */
  readonly initialCluster?: InitialCluster | undefined;
  /** Tells two clusters with the same addresses apart. */
  readonly clusterToken?: string | undefined;
}

/**
 * Who a new data directory belongs to (rule R13). Members that are given the same cluster and
 * token find the same cluster id by themselves; a lone node draws one. Read once: from then on
 * the stored identity and the log rule, whatever a configuration says.
 *
 * @throws EngineError `INVALID_REQUEST` when this node is not among the initial members
 */
export function bootstrapIdentity(options: BootstrapOptions): NodeIdentity {
  const { initialCluster, clusterToken = "" } = options;
  const members = initialCluster === undefined ? undefined : membersOf(initialCluster);
  if (members !== undefined && !members.some((member) => member.id === options.nodeId)) {
    const ids = members.map((member) => member.id).join(", ");
    throw new EngineError(
      "INVALID_REQUEST",
      `node ${options.nodeId} is not in initial_cluster (${ids}); add it, or correct node_id`,
    );
  }
  const lone: Member = { id: options.nodeId, address: options.address, status: "active" };
  const bootstrap: MembershipConfiguration = {
    logId: LOG_ORIGIN,
    members: members ?? [lone],
    outgoingVoters: undefined,
  };
  return {
    nodeId: options.nodeId,
    clusterId: members === undefined ? randomId() : clusterIdOf(members, clusterToken),
    instanceId: randomId(),
    bootstrap,
    joinedAt: LOG_ORIGIN.index,
  };
}

/**
 * Reads `1=host:port,2=host:port`.
 *
 * @throws EngineError `INVALID_REQUEST` naming the part that is wrong
 */
export function parseInitialCluster(text: string): InitialCluster {
  const cluster: Record<number, string> = {};
  for (const part of text.split(",").map((piece) => piece.trim())) {
    const match = /^(\d+)=(\S+:\d+)$/.exec(part);
    const id = Number(match?.[1]);
    if (match === null || !Number.isSafeInteger(id)) {
      throw bad(`"${part}" is not ID=HOST:PORT`);
    }
    if (cluster[id] !== undefined) throw bad(`node ${id} is named twice`);
    cluster[id] = match[2]!;
  }
  return cluster;
}

/** The members in the order of their ids, each checked. */
function membersOf(cluster: InitialCluster): readonly Member[] {
  const members: Member[] = [];
  const addresses = new Set<string>();
  for (const [key, address] of Object.entries(cluster)) {
    if (addresses.has(address)) throw bad(`two members have the address ${address}`);
    addresses.add(address);
    try {
      members.push({ id: nodeId(Number(key)), address, status: "active" });
    } catch (error) {
      throw bad((error as Error).message);
    }
  }
  if (members.length === 0) throw bad("it names no member");
  return members.sort((a, b) => a.id - b.id);
}

/** The same for every member, whatever the order in which it was written down. */
function clusterIdOf(members: readonly Member[], token: string): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([members.map(({ id, address }) => [id, address]), token]));
  return hash.digest("hex").slice(0, 32);
}

/** 128 random bits as 32 hexadecimal digits. */
export function randomId(): string {
  return randomBytes(16).toString("hex");
}

function bad(problem: string): EngineError {
  return new EngineError("INVALID_REQUEST", `bad initial_cluster: ${problem}`);
}
