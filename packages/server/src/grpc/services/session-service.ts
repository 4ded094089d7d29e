import { session } from "@d-engine/proto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { ServiceContext } from "../service-context.js";

export const sessionService = session.SessionService;

export function sessionHandlers({ node, sessions }: ServiceContext): UntypedServiceImplementation {
  return { Session: sessions.serve(node) };
}
