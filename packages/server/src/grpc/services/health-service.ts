import { health } from "@d-engine/proto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { healthCheck, healthWatch } from "../handlers/health.js";
import type { ServiceContext } from "../service-context.js";

export const healthService = health.Health;

export function healthHandlers({
  node,
  unary,
  stream,
}: ServiceContext): UntypedServiceImplementation {
  return {
    Check: unary(healthCheck(node)),
    Watch: stream(healthWatch(node)),
  };
}
