export type { GrpcServer, GrpcServerOptions } from "./grpc-server.js";
export { startGrpcServer } from "./grpc-server.js";
export type { GrpcLimits } from "./limits.js";
export { GRPC_LIMITS } from "./limits.js";
