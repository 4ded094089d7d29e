import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from "../src/grpc/index.js";
import { freePort } from "./free-port.js";
import { MapNode, type SharedState, sharedState } from "./map-node.js";
import { RawClient } from "./raw-client.js";

export interface TestServer extends AsyncDisposable {
  readonly node: MapNode;
  readonly shared: SharedState;
  readonly server: GrpcServer;
  readonly raw: RawClient;
  /** Errors that the server took for bugs of ours. */
  readonly bugs: unknown[];
}

/** A node that leads a cluster of one, served on a free port, and a byte-level client of it. */
export async function startTestServer(
  options: Partial<GrpcServerOptions> = {},
): Promise<TestServer> {
  const listen = options.listen ?? `127.0.0.1:${await freePort()}`;
  const shared = sharedState([listen]);
  const node = new MapNode(1, shared);
  const bugs: unknown[] = [];
  const server = await startGrpcServer({
    onBug: (error) => bugs.push(error),
    drainTimeoutMs: 500,
    ...options,
    node,
    listen,
  });
  const raw = new RawClient(server.address.replace("0.0.0.0", "127.0.0.1"));
  return {
    node,
    shared,
    server,
    raw,
    bugs,
    async [Symbol.asyncDispose]() {
      raw.close();
      await server.close();
    },
  };
}
