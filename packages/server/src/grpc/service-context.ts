import type { handleServerStreamingCall, handleUnaryCall } from "@grpc/grpc-js";
import type { AdminNode } from "../admin/admin-node.js";
import type { Attempts } from "../auth/attempts.js";
import type { Callers } from "../auth/callers.js";
import type { TokenPorts } from "../auth/token.js";
import type { LocalNode } from "../driver/local-node.js";
import type { PeerSecret } from "../security/peer-secret.js";
import type { StreamHandler, UnaryHandler } from "./call-context.js";
import type { OwnAddress } from "./cluster-view.js";
import type { GrpcLimits } from "./limits.js";
import type { OpenSessions } from "./session/open-sessions.js";
import type { BugListener } from "./unary-call.js";
import type { OpenWatches } from "./watch/open-watches.js";

/** What tokens are given out with. */
export interface Authentication {
  readonly attempts: Attempts;
  readonly tokens: TokenPorts;
  readonly tokenLifetimeMs: number;
}

/** What services are made of. */
export interface ServiceContext {
  readonly node: LocalNode;
  readonly limits: GrpcLimits;
  readonly ownAddress: OwnAddress;
  readonly sessions: OpenSessions;
  readonly watches: OpenWatches;
  readonly callers: Callers;
  readonly authentication: Authentication;
  /** Absent where a node takes no orders. */
  readonly admin: AdminNode | undefined;
  /** What whoever joins must prove to know, if anything. */
  readonly secret: PeerSecret | undefined;
  readonly onBug: BugListener;
  unary(handler: UnaryHandler): handleUnaryCall<Buffer, Uint8Array>;
  /** For services of our own, which have a number for every code (rule R20). */
  ownUnary(handler: UnaryHandler): handleUnaryCall<Buffer, Uint8Array>;
  stream(handler: StreamHandler): handleServerStreamingCall<Buffer, Uint8Array>;
}
