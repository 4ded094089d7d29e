import { parseHostPort } from "@d-engine/client";
import { type Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import type { AdminNode } from "../admin/admin-node.js";
import { Attempts } from "../auth/attempts.js";
import { Callers } from "../auth/callers.js";
import { guardedServer } from "../connections/guarded-server.js";
import { type NodePorts, nodePorts } from "../connections/node-ports.js";
import { PortGuard } from "../connections/port-guard.js";
import type { LocalNode } from "../driver/local-node.js";
import { silentLogger } from "../driver/logger.js";
import type { GrpcTransport } from "../peers/grpc-transport.js";
import { PEER_METHODS } from "../peers/peer-methods.js";
import { peerServices } from "../peers/peer-services.js";
import type { SnapshotSource } from "../peers/snapshot-source.js";
import type { NodeSecurity } from "../security/node-security.js";
import { AnswerRoom } from "./answer-room.js";
import { bind } from "./bind.js";
import type { OwnAddress } from "./cluster-view.js";
import type { InstanceRecords } from "./handlers/join-cluster.js";
import { GRPC_LIMITS, type GrpcLimits } from "./limits.js";
import { OpenStreams } from "./open-streams.js";
import { rawServiceDefinition } from "./raw-service.js";
import type { ServiceContext } from "./service-context.js";
import { adminHandlers, adminService } from "./services/admin-service.js";
import { authHandlers, authService } from "./services/auth-service.js";
import {
  clusterManagementHandlers,
  clusterManagementService,
} from "./services/cluster-management-service.js";
import { healthHandlers, healthService } from "./services/health-service.js";
import { kvHandlers, kvService } from "./services/kv-service.js";
import { raftClientHandlers, raftClientService } from "./services/raft-client-service.js";
import { sessionHandlers, sessionService } from "./services/session-service.js";
import { OpenSessions } from "./session/open-sessions.js";
import { type BugListener, unaryCall } from "./unary-call.js";
import { OpenWatches } from "./watch/open-watches.js";
import { ownNumberOf, serviceErrorOf } from "./wire-status.js";

export interface GrpcServerOptions {
  /** The node that answers. It must outlive the server. */
  readonly node: LocalNode;
  /** `host:port`; port 0 lets the system choose. */
  readonly listen: string;
  /**
   * `host:port` that clients are told for this node.
   * @defaultValue where it listens; behind a wildcard address, what the asking client dialed
   */
  readonly advertise?: string;
  /** The node's peer transport, when it has peers or may get some: they call at the same port. */
  readonly peers?: GrpcTransport;
  /** Who has which node id, asked and told when a node joins. @defaultValue nobody is recorded */
  readonly instances?: InstanceRecords;
  /** What the node does for operators and learners; without it those calls are UNIMPLEMENTED. */
  readonly admin?: AdminNode;
  /**
   * Bytes a second that learners are sent of a snapshot.
   * @defaultValue as fast as they take it
   */
  readonly snapshotBytesPerSecond?: number;
  /** @defaultValue plaintext, and whoever joins has nothing to prove */
  readonly security?: Pick<NodeSecurity, "server" | "secret">;
  readonly limits?: Partial<GrpcLimits>;
  /**
   * Bounds and counts of the node's ports.
   * @defaultValue those of `limits`, counted for nobody
   */
  readonly ports?: NodePorts;
  /** Counts passwords, for the node's metrics. */
  readonly attempts?: Attempts;
  /**
   * Milliseconds that a token is good for which a user gets for its password.
   * @defaultValue 3600000
   */
  readonly tokenLifetimeMs?: number;
  /**
   * Milliseconds that `close` gives calls under way.
   * @defaultValue 5000
   */
  readonly drainTimeoutMs?: number;
  /**
   * Told of errors that are bugs of ours; the caller of the method gets INTERNAL.
   * @defaultValue `process.emitWarning`
   */
  readonly onBug?: BugListener;
}

/** A node's one port: every service of the contract, our own beside them, `grpc.health.v1`. */
export interface GrpcServer extends AsyncDisposable {
  /** `host:port` as bound. */
  readonly address: string;
  /**
   * Stops taking calls, ends streams with UNAVAILABLE, lets calls and the operations of sessions
   * finish, and after `drainTimeoutMs` breaks what is left. Idempotent; never rejects.
   */
  close(): Promise<void>;
}

/**
 * Serves a node over gRPC. Rejects with `INVALID_ADDRESS` when the address cannot
 * be parsed or bound.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const limits: GrpcLimits = { ...GRPC_LIMITS, ...options.ports?.settings, ...options.limits };
  const nowMs = (): number => performance.now();
  const { clients: gate, metrics } = options.ports ?? nodePorts(limits, silentLogger, nowMs);
  const onBug = options.onBug ?? warnOfBug;
  const tokens = { clusterId: options.node.identity.clusterId, nowMs: () => Date.now() };
  const callers = new Callers(tokens);
  const attempts = options.attempts ?? new Attempts(nowMs);
  const tokenLifetimeMs = options.tokenLifetimeMs ?? TOKEN_LIFETIME_MS;
  const streams = new OpenStreams(limits.streamsMax, callers, onBug);
  const sessions = new OpenSessions(limits, callers, onBug);
  const watches = new OpenWatches({
    ...limits,
    streamsMax: limits.watchStreamsMax,
    metrics,
    onBug,
  });
  const guard = new PortGuard({ ...limits, gate, metrics, isOpenEnded });
  const settings = {
    "grpc.max_receive_message_length": limits.requestBytesMax,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.callsPerConnectionMax,
    "grpc.so_reuseport": 0,
    // Without it the streams of a machine that lost its power would stay open for ever.
    "grpc.keepalive_time_ms": limits.keepaliveIntervalMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    "grpc.max_connection_idle_ms": limits.connectionIdleMs,
  };
  const server = guardedServer(settings, guard, limits.headerBytesMax);
  const room = new AnswerRoom({
    ...limits,
    unsentBytes: (peer) => guard.unsentBytes(peer),
    metrics,
  });
  const calls = { onBug, callers, room };
  const advertised = options.advertise && parseHostPort(options.advertise).text;
  let ownAddress: OwnAddress = (authority) => authority;
  const context: ServiceContext = {
    node: options.node,
    limits,
    ownAddress: (authority) => ownAddress(authority),
    sessions,
    watches,
    callers,
    authentication: { attempts, tokens, tokenLifetimeMs },
    admin: options.admin,
    secret: options.security?.secret,
    onBug,
    unary: (handler) => unaryCall(handler, calls),
    ownUnary: (handler) => unaryCall(handler, calls, ownErrorOf),
    stream: (handler) => streams.serve(handler),
  };
  addServices(server, context, options.instances);
  if (options.peers !== undefined) {
    const { definition, implementation } = peerServices(options.peers, snapshotSource(options));
    server.addService(definition, implementation);
  }
  const credentials = options.security?.server ?? ServerCredentials.createInsecure();
  const bound = await bind(server, options.listen, credentials);
  const known = advertised ?? (WILDCARDS.has(bound.host) ? undefined : bound.text);
  ownAddress = (authority) => known ?? authority;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    if (closed === undefined) {
      streams.close();
      watches.close();
      sessions.drain();
      closed = shutDown(server, options.drainTimeoutMs ?? 5_000).finally(() => guard.destroy());
      // After the library has begun to wait for them: it would wait for ever for what is gone.
      guard.endHandshakes();
    }
    return closed;
  };
  return { address: bound.text, close, [Symbol.asyncDispose]: close };
}

/** Long enough that asking anew is nothing, short enough for one that was stolen. */
const TOKEN_LIFETIME_MS = 3_600_000;

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

function addServices(
  server: Server,
  context: ServiceContext,
  instances: InstanceRecords | undefined,
): void {
  server.addService(rawServiceDefinition(raftClientService), raftClientHandlers(context));
  server.addService(
    rawServiceDefinition(clusterManagementService),
    clusterManagementHandlers(context, instances),
  );
  server.addService(rawServiceDefinition(sessionService), sessionHandlers(context));
  server.addService(rawServiceDefinition(kvService), kvHandlers(context));
  server.addService(rawServiceDefinition(authService), authHandlers(context));
  server.addService(rawServiceDefinition(adminService), adminHandlers(context));
  server.addService(rawServiceDefinition(healthService), healthHandlers(context));
}

/** Learners pull from the node behind the port, when it leads and has snapshots. */
function snapshotSource(options: GrpcServerOptions): SnapshotSource | undefined {
  const { node, admin, snapshotBytesPerSecond } = options;
  if (admin === undefined) return undefined;
  return {
    leadingTerm: () => {
      const { role, leaderReady, term } = node.status();
      return role === "leader" && leaderReady ? term : undefined;
    },
    leaderHint: () => node.leaderHint(),
    openSnapshot: () => admin.openSnapshot(),
    ...(snapshotBytesPerSecond ? { bytesPerSecondMax: snapshotBytesPerSecond } : {}),
  };
}

/** Of requests that go on, and of methods that are not known, which are answered at once. */
function isOpenEnded(path: string): boolean {
  return OPEN_ENDED.has(path);
}

const OPEN_ENDED: ReadonlySet<string> = new Set(
  [...[sessionService, kvService].map(rawServiceDefinition), PEER_METHODS].flatMap((service) =>
    Object.values(service)
      .filter(({ requestStream }) => requestStream)
      .map(({ path }) => path),
  ),
);

function ownErrorOf(error: unknown): ServiceError {
  return serviceErrorOf(error, ownNumberOf);
}

function shutDown(server: Server, drainTimeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, drainTimeoutMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}

function warnOfBug(error: unknown, method: string): void {
  process.emitWarning(error instanceof Error ? error : String(error), {
    code: "D_ENGINE_BUG",
    detail: `while answering ${method}`,
  });
}
