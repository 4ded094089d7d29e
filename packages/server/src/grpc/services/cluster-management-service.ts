import type { SnapshotLabel } from "@d-engine/core";
import { cluster } from "@d-engine/proto";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { discoverLeader } from "../handlers/discover-leader.js";
import { getClusterMetadata } from "../handlers/get-cluster-metadata.js";
import { type InstanceRecords, joinCluster, NO_RECORDS } from "../handlers/join-cluster.js";
import { unimplemented } from "../handlers/unimplemented.js";
import { updateClusterConf } from "../handlers/update-cluster-conf.js";
import type { ServiceContext } from "../service-context.js";

export const clusterManagementService = cluster.ClusterManagementService;

export function clusterManagementHandlers(
  context: ServiceContext,
  instances: InstanceRecords = NO_RECORDS,
): UntypedServiceImplementation {
  const { node, ownAddress, admin, secret, unary } = context;
  const newest = (): SnapshotLabel | undefined => admin?.newestSnapshot;
  const change =
    admin === undefined ? unimplemented("UpdateClusterConf") : updateClusterConf(node, admin);
  return {
    GetClusterMetadata: unary(getClusterMetadata(node, ownAddress)),
    DiscoverLeader: unary(discoverLeader(node, ownAddress)),
    JoinCluster: unary(joinCluster(node, instances, ownAddress, newest, secret)),
    UpdateClusterConf: unary(change),
  };
}
