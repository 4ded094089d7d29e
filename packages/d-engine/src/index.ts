export type {
  AuthAdmin,
  AuthDescription,
  AuthRole,
  AuthUser,
  Bytes,
  CallOptions,
  ChangeOptions,
  ClientSession,
  ClusterAdmin,
  ClusterMembers,
  Consistency,
  EngineClient,
  GrantOptions,
  KeyRange,
  KeyRecord,
  KeySelection,
  KeyValue,
  KvOperations,
  LeaderInfo,
  Lease,
  LeaseStatus,
  MemberInfo,
  MembersChanged,
  MembershipSnapshot,
  NewMember,
  PutOptions,
  PutResult,
  RangeOptions,
  ReadOptions,
  ScanResult,
  SessionOptions,
  SnapshotInfo,
  SnapshotOptions,
  TimeToLiveOptions,
  Txn,
  TxnCondition,
  TxnResult,
  TxnStep,
  TxnStepResult,
  Watch,
  WatchBatch,
  WatchEvent,
  WatchOptions,
} from "@d-engine/client";
export { connectAdmin, connectAuth } from "@d-engine/client";
export type {
  EngineErrorCode,
  LeaderHint,
  LogIndex,
  NodeId,
  Outcome,
  RecoveryProgress,
  StateMachine,
  StorageEngine,
  Term,
} from "@d-engine/core";
export { ENGINE_ERRORS, EngineError, isEngineError } from "@d-engine/core";
export type {
  DriverMetrics,
  EngineSettings,
  ForwardingClient,
  Logger,
  NodeState,
} from "@d-engine/server";
export { ENGINE_DEFAULTS, inspectSnapshot, restoreDirectory, verifyBackup } from "@d-engine/server";
export type { ConfigOrigin, ConfigProblem } from "./config/config-error.js";
export { ConfigError } from "./config/config-error.js";
export type { ConfigOverrides, LoadConfigOptions, LoadedConfig } from "./config/load-config.js";
export { loadConfig } from "./config/load-config.js";
export type { CustomEngineConfig, CustomEngineParts } from "./custom-engine.js";
export { CustomEngine } from "./custom-engine.js";
export type { EngineConfig } from "./embedded-engine.js";
export { EmbeddedEngine } from "./embedded-engine.js";
export type { StandaloneConfig } from "./standalone-engine.js";
export { StandaloneEngine } from "./standalone-engine.js";
export type { WaitReadyOptions } from "./wait-ready.js";
