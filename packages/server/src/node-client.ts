import { connectLazily, type RemoteClient } from "@d-engine/client";
import { nodeClock } from "@d-engine/storage";
import { ProgramToken } from "./auth/program-token.js";
import type { KvNode } from "./driver/kv-node.js";
import { EmbeddedClient } from "./embedded-client.js";
import { ForwardingClient } from "./forwarding-client.js";
import type { NodeSecurity } from "./security/node-security.js";

/** A client of a node in this process; asks the other members for what only a leader can do. */
export function nodeClient(
  node: KvNode,
  security: Pick<NodeSecurity, "clientTls">,
  timeoutMs: number,
): ForwardingClient {
  return new ForwardingClient({
    node,
    local: new EmbeddedClient(node),
    clock: nodeClock,
    timeoutMs,
    connectPeers: () => peersOf(node, security.clientTls),
  });
}

function peersOf(node: KvNode, tls: NodeSecurity["clientTls"]): RemoteClient {
  const { configuration, nodeId } = node.status();
  const others = configuration.members.filter(({ id }) => id !== nodeId);
  const token = new ProgramToken(node);
  return connectLazily(
    others.map(({ address }) => address),
    { token: () => token.current(), tls },
  );
}
