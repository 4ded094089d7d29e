export type { AdminNode } from "./admin/admin-node.js";
export { EmbeddedAdmin } from "./admin/embedded-admin.js";
export { embeddedAuth } from "./auth/embedded-auth.js";
export type { InitialCluster } from "./bootstrap/initial-cluster.js";
export { parseInitialCluster } from "./bootstrap/initial-cluster.js";
export type {
  DeadlineOptions,
  DriverMetrics,
  LocalNode,
  LocalNodeStatus,
  LogFields,
  Logger,
  NodeState,
  ReadRequestOptions,
  WriteOutcome,
} from "./driver/index.js";
export { Driver, KvNode, kvStamps, silentLogger } from "./driver/index.js";
export { membershipSource } from "./driver/membership-source.js";
export { EmbeddedClient } from "./embedded-client.js";
export { ForwardingClient } from "./forwarding-client.js";
export type { GrpcLimits, GrpcServer, GrpcServerOptions } from "./grpc/index.js";
export { GRPC_LIMITS, startGrpcServer } from "./grpc/index.js";
export { KeepAlive } from "./keep-alive.js";
export { nodeClient } from "./node-client.js";
export type { AdminServerOptions } from "./observability/admin-server.js";
export { AdminServer } from "./observability/admin-server.js";
export type { EngineSettings, EngineSettingsInput, ResolvedSettings } from "./options.js";
export { ENGINE_DEFAULTS, resolveSettings } from "./options.js";
export type { PullSnapshotOptions } from "./peers/snapshot-puller.js";
export { pullSnapshot } from "./peers/snapshot-puller.js";
export { settingConflicts } from "./settings/setting-conflicts.js";
export type { SettingRule } from "./settings/setting-rule.js";
export { demandOf, problemOf } from "./settings/setting-rule.js";
export type { SettingName } from "./settings/setting-rules.js";
export { ENGINE_RULES } from "./settings/setting-rules.js";
export type { BackupFile } from "./snapshots/backup-file.js";
export { backupPieces, verifyBackup } from "./snapshots/backup-file.js";
export type {
  InspectSnapshotOptions,
  NamespaceSummary,
  SnapshotSummary,
  StoreSummary,
} from "./snapshots/inspect-snapshot.js";
export { inspectSnapshot } from "./snapshots/inspect-snapshot.js";
export type { SnapshotPieces } from "./snapshots/read-snapshot.js";
export type { BackupTransform, RestoreBackupOptions } from "./snapshots/restore-backup.js";
export { restoreBackup } from "./snapshots/restore-backup.js";
export type { RestoreDirectoryOptions, RestoredDirectory } from "./snapshots/restore-directory.js";
export { restoreDirectory } from "./snapshots/restore-directory.js";
export type { StartedKvNode, StartedNode, StartHooks, StartNodeSetup } from "./start-node.js";
export { startKvNode, startNode } from "./start-node.js";
export { wrapOpaque } from "./system/system-command.js";
