import { nodeClock } from "@d-engine/storage";
import type { GrpcServerOptions } from "../src/grpc/index.js";
import { EventLog } from "../src/watch/testing/event-log.js";
import { WatchHub } from "../src/watch/watch-hub.js";
import { WATCH_DEFAULTS, type WatchOptions } from "../src/watch/watch-options.js";
import { startTestServer, type TestServer } from "./test-server.js";

export interface WatchedServer extends TestServer {
  readonly log: EventLog;
  readonly hub: WatchHub;
}

/** A test server whose node serves watches of a plain event log. */
export async function startWatchedServer(
  options: Partial<WatchOptions> = {},
  server: Partial<GrpcServerOptions> = {},
): Promise<WatchedServer> {
  const log = new EventLog();
  const hub = new WatchHub({
    source: log,
    clock: nodeClock,
    options: { ...WATCH_DEFAULTS, ...options },
    keyBytesMax: 4_096,
  });
  const test = await startTestServer(server);
  test.node.hub = hub;
  return Object.assign(test, { log, hub });
}
