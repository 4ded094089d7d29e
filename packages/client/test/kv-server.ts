import { KvStateMachine } from "@d-engine/kv";
import { KvNode, kvStamps, resolveSettings, startNode } from "@d-engine/server";
import { MemoryStorage, nodeClock } from "@d-engine/storage";
import {
  type GrpcServer,
  type GrpcServerOptions,
  startGrpcServer,
} from "../../server/src/grpc/index.js";
import { freePort } from "../../server/test/free-port.js";

/** A node as it ships, but for the disk, served over gRPC on a port of this machine. */
export interface KvServer extends AsyncDisposable {
  readonly address: string;
  readonly node: KvNode;
  readonly server: GrpcServer;
}

export async function startKvServer(options: Partial<GrpcServerOptions> = {}): Promise<KvServer> {
  const address = options.listen ?? `127.0.0.1:${await freePort()}`;
  const store = new KvStateMachine();
  const { driver } = await startNode({
    storage: new MemoryStorage(nodeClock),
    stateMachine: store,
    stamps: kvStamps(store),
    settings: resolveSettings({ address, electionTimeoutMs: 300, heartbeatIntervalMs: 50 }),
  });
  const node = new KvNode(driver, store);
  const parts = { drainTimeoutMs: 500, admin: driver, ...options };
  const server = await startGrpcServer({ ...parts, node, listen: address });
  return {
    address,
    node,
    server,
    async [Symbol.asyncDispose]() {
      await server.close();
      await driver.close();
    },
  };
}
