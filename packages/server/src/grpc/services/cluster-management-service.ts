import { cluster } from "@d-engine/proto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { discoverLeader } from "../handlers/discover-leader.js";
import { getClusterMetadata } from "../handlers/get-cluster-metadata.js";
import { type InstanceRecords, joinCluster } from "../handlers/join-cluster.js";
import { updateClusterConf } from "../handlers/update-cluster-conf.js";
import type { ServiceContext } from "../service-context.js";

export const clusterManagementService = cluster.ClusterManagementService;

export function clusterManagementHandlers(
  { node, ownAddress, unary }: ServiceContext,
  instances: InstanceRecords,
): UntypedServiceImplementation {
  return {
    GetClusterMetadata: unary(getClusterMetadata(node, ownAddress)),
    DiscoverLeader: unary(discoverLeader(node, ownAddress)),
    JoinCluster: unary(joinCluster(node, instances, ownAddress)),
    UpdateClusterConf: unary(updateClusterConf(node)),
  };
}
