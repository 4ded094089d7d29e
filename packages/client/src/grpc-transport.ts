import { client, cluster, type DescMethod } from "@d-engine/proto";
import type {
  ClientTransport,
  TransportAnswer,
  TransportCallOptions,
  TransportMethod,
} from "./client-transport.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { endpointsMax } from "./endpoints.js";

const PATHS: Readonly<Record<TransportMethod, string>> = {
  write: pathOf(client.RaftClientService.method.handleClientWrite),
  read: pathOf(client.RaftClientService.method.handleClientRead),
  scan: pathOf(client.RaftClientService.method.handleClientScan),
  metadata: pathOf(cluster.ClusterManagementService.method.getClusterMetadata),
};

/**
 * Calls over gRPC, one channel for each node. At most `endpointsMax` channels: an address beyond
 * that is unreachable until `retain` has made room.
 */
export class GrpcTransport implements ClientTransport {
  readonly #connections = new Map<string, Connection>();
  readonly #options: ConnectionOptions;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  async call(
    address: string,
    method: TransportMethod,
    request: Uint8Array,
    options: TransportCallOptions,
  ): Promise<TransportAnswer> {
    const connection = this.#connectionTo(address);
    if (connection === undefined) {
      const why = this.#closed ? "the client is closed" : `more than ${endpointsMax} nodes`;
      const message = `${address}: not connected: ${why}`;
      return { kind: "failed", failure: { kind: "unreachable", message } };
    }
    return await connection.call(PATHS[method], request, options);
  }

  retain(addresses: readonly string[]): void {
    const wanted = new Set(addresses);
    for (const [address, connection] of this.#connections) {
      if (wanted.has(address) || !connection.isIdle) continue;
      this.#connections.delete(address);
      connection.close();
    }
    for (const address of wanted) this.#connectionTo(address)?.prepare();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  #connectionTo(address: string): Connection | undefined {
    const known = this.#connections.get(address);
    if (known !== undefined) return known;
    if (this.#closed || this.#connections.size >= endpointsMax) return undefined;
    const connection = new Connection(address, this.#options);
    this.#connections.set(address, connection);
    return connection;
  }
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
