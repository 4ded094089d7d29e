import { isEngineError } from "@d-engine/core";
import { client, cluster, create, health, session, toBinary } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import type { StreamHandler, UnaryHandler } from "../call-context.js";
import { usableLeader } from "../cluster-view.js";
import { decodeRequest } from "../decode-request.js";
import { StatusError } from "../wire-status.js";

type ServingStatus = health.HealthCheckResponse_ServingStatus;
const ServingStatus = health.HealthCheckResponse_ServingStatus;

/** Services that can serve only while a leader is known; `""` stands for the whole node. */
const NEED_LEADER: ReadonlySet<string> = new Set([
  "",
  client.RaftClientService.typeName,
  session.SessionService.typeName,
]);
/** Services that answer as long as the node runs. */
const NEED_NODE: ReadonlySet<string> = new Set([
  cluster.ClusterManagementService.typeName,
  health.Health.typeName,
]);

/** One look at a service's health; ends with NOT_FOUND for a name that is none of ours. */
export function healthCheck(node: LocalNode): UnaryHandler {
  return (bytes) => {
    const { service } = decodeRequest(health.HealthCheckRequestSchema, bytes);
    const status = servingStatus(node, service);
    if (status === ServingStatus.SERVICE_UNKNOWN) {
      throw new StatusError("NOT_FOUND", `no service "${service}" on this node`);
    }
    return { body: encode(status) };
  };
}

/** Streams a service's health: at once, then whenever it changes. */
export function healthWatch(node: LocalNode): StreamHandler {
  return (bytes, { send }) => {
    const { service } = decodeRequest(health.HealthCheckRequestSchema, bytes);
    let sent: ServingStatus | undefined;
    const update = (): void => {
      const status = servingStatus(node, service);
      if (status === sent) return;
      sent = status;
      send(encode(status));
    };
    update();
    return { update };
  };
}

function servingStatus(node: LocalNode, service: string): ServingStatus {
  const needsLeader = NEED_LEADER.has(service);
  if (!needsLeader && !NEED_NODE.has(service)) return ServingStatus.SERVICE_UNKNOWN;
  try {
    const serves = usableLeader(node.status()) !== undefined || !needsLeader;
    return serves ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  } catch (error) {
    // A node that has stopped refuses to say anything else about itself.
    if (isEngineError(error)) return ServingStatus.NOT_SERVING;
    throw error;
  }
}

function encode(status: ServingStatus): Uint8Array {
  const response = create(health.HealthCheckResponseSchema, { status });
  return toBinary(health.HealthCheckResponseSchema, response);
}
