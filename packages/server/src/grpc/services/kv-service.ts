import { type DescService, kvService as proto } from "@d-engine/proto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { query } from "../handlers/query.js";
import type { ServiceContext } from "../service-context.js";
import { kvWatch } from "../watch/watch-stream.js";

export const kvService: DescService = proto.KvService;

export function kvHandlers(context: ServiceContext): UntypedServiceImplementation {
  const { node, limits, watches, callers, ownUnary } = context;
  return {
    Query: ownUnary(query(node)),
    Watch: kvWatch(node, limits, watches, callers),
  };
}
