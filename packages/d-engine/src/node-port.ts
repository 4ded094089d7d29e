import { EngineError, parseHostPort } from "@d-engine/client";
import {
  AdminServer,
  ENGINE_DEFAULTS,
  type GrpcServer,
  type InitialCluster,
  type Logger,
  parseInitialCluster,
  type StartedKvNode,
  startGrpcServer,
} from "@d-engine/server";

/** Where a node is reached. */
export interface PortConfig {
  /**
   * `host:port` to serve clients and peers at; port 0 lets the system choose.
   * @defaultValue none for an embedded engine that is alone; its own address among the initial
   *   cluster otherwise
   */
  readonly listen?: string | undefined;
  /**
   * `host:port` that clients and peers are told for this node.
   * @defaultValue its address in the initial cluster, otherwise where it listens
   */
  readonly advertise?: string | undefined;
  /**
   * `host:port` to answer operators at, over HTTP: `/health`, `/primary`, `/replica`, `/metrics`.
   * Nobody has to log in there; port 0 lets the system choose.
   * @defaultValue nowhere
   */
  readonly adminListen?: string | undefined;
}

interface Surroundings extends PortConfig {
  readonly nodeId?: number | undefined;
  readonly initialCluster?: InitialCluster | string | undefined;
  readonly join?: readonly string[] | string | undefined;
}

/** What a node listens at, if at all, and the address that goes into a new data directory. */
export interface ResolvedPort {
  readonly listen: string | undefined;
  readonly address: string;
}

/**
 * Derives the one from the other: a member of a cluster listens where the others expect it, and a
 * node that listens is known by that address.
 *
 * @throws EngineError `INVALID_ADDRESS` or `INVALID_REQUEST` for what cannot be read
 */
export function resolvePort(config: Surroundings): ResolvedPort {
  const { advertise, initialCluster, nodeId = ENGINE_DEFAULTS.nodeId } = config;
  const cluster =
    typeof initialCluster === "string" ? parseInitialCluster(initialCluster) : initialCluster;
  const own = cluster?.[nodeId];
  const listen = config.listen ?? own;
  if (config.join !== undefined) checkReachable(listen, advertise);
  if (advertise !== undefined) return { listen, address: parseHostPort(advertise).text };
  if (own !== undefined) return { listen, address: own };
  if (listen === undefined) return { listen, address: ENGINE_DEFAULTS.address };
  const { port, text } = parseHostPort(listen, { portMin: 0 });
  return { listen, address: port === 0 ? ENGINE_DEFAULTS.address : text };
}

/** The cluster calls a node that joins, so it must listen at an address that can be told. */
function checkReachable(listen: string | undefined, advertise: string | undefined): void {
  const known = listen !== undefined && !/(^0\.0\.0\.0:|^\[::\]:|:0$)/.test(listen);
  if (listen !== undefined && (known || advertise !== undefined)) return;
  const given = listen === undefined ? "it does not listen" : `${listen} is no address to call`;
  throw new EngineError(
    "INVALID_REQUEST",
    `a node that joins a cluster must be reached by it: ${given}; set listen to a host and port, ` +
      "and advertise where others reach it under another address",
  );
}

/** Opens the port for operators, if one is wanted. */
export async function openAdminPort(
  started: StartedKvNode,
  listen: string | undefined,
  logger: Logger | undefined,
): Promise<AdminServer | undefined> {
  if (listen === undefined) return undefined;
  return await AdminServer.start({
    started,
    listen,
    nowMs: () => performance.now(),
    onBug: (error, path) => logger?.error(`a bug, met while answering ${path}`, { error }),
  });
}

/** Opens the port of a started node: clients and peers come in through it. */
export function openPort(
  { node, attempts, peers, security, instances, ports }: StartedKvNode,
  listen: string,
  advertise: string | undefined,
  logger: Logger | undefined,
  snapshotBytesPerSecond: number,
): Promise<GrpcServer> {
  return startGrpcServer({
    node,
    attempts,
    peers,
    security,
    ports,
    admin: node.driver,
    snapshotBytesPerSecond,
    instances,
    listen,
    ...(advertise === undefined ? {} : { advertise }),
    onBug: (error, method) => logger?.error(`a bug, met while answering ${method}`, { error }),
  });
}
