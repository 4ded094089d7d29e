import { client } from "@d-engine/proto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { handleClientRead } from "../handlers/handle-client-read.js";
import { handleClientScan } from "../handlers/handle-client-scan.js";
import { handleClientWrite } from "../handlers/handle-client-write.js";
import { watchMembership } from "../handlers/watch-membership.js";
import type { ServiceContext } from "../service-context.js";
import { contractWatch } from "../watch/contract-watch.js";

export const raftClientService = client.RaftClientService;

export function raftClientHandlers(context: ServiceContext): UntypedServiceImplementation {
  const { node, limits, watches, callers, unary, stream } = context;
  return {
    HandleClientWrite: unary(handleClientWrite(node)),
    HandleClientRead: unary(handleClientRead(node, limits)),
    HandleClientScan: unary(handleClientScan(node, limits)),
    Watch: contractWatch(node, limits, watches, callers),
    WatchMembership: stream(watchMembership(node)),
  };
}
