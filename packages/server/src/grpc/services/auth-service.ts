import { type DescService, auth as proto } from "@d-engine/proto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { authenticate } from "../handlers/authenticate.js";
import { changeAuth } from "../handlers/change-auth.js";
import { describeAuth } from "../handlers/describe-auth.js";
import type { ServiceContext } from "../service-context.js";

export const authService: DescService = proto.AuthService;

export function authHandlers(context: ServiceContext): UntypedServiceImplementation {
  const { node, authentication, ownUnary } = context;
  return {
    Authenticate: ownUnary(authenticate(node, authentication)),
    Change: ownUnary(changeAuth(node, authentication)),
    Describe: ownUnary(describeAuth(node)),
  };
}
