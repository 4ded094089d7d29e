export type {
  Effects,
  HardState,
  Input,
  InputEvent,
  LogReadRequest,
  Refusal,
  RefusalCode,
  Reply,
  RoleChange,
  RoleKind,
  SnapshotWork,
} from "./effects.js";
export type {
  CommandPayload,
  ConfigPayload,
  Entry,
  MembershipChange,
  NodeStatus,
  NoopPayload,
  Payload,
} from "./entry.js";
export { entryBytes, NOOP } from "./entry.js";
export type { EngineErrorCode, EngineErrorOptions, LeaderHint, Outcome } from "./errors.js";
export { ENGINE_ERRORS, EngineError, isEngineError } from "./errors.js";
export type { BatchId, LogId, LogIndex, NodeId, RequestId, Term } from "./ids.js";
export { compareLogIds, LOG_ORIGIN, logIndex, nodeId, term } from "./ids.js";
export { assertNever, InvariantViolation, invariant } from "./invariant.js";
export { changeConfiguration } from "./membership/change-configuration.js";
export type { Member, MembershipConfiguration } from "./membership/configuration.js";
export type {
  AppendEntries,
  AppendEntriesResponse,
  AppendResult,
  Envelope,
  InstallSnapshot,
  InstallSnapshotResponse,
  Message,
  PreVote,
  PreVoteResponse,
  ReadIndex,
  ReadIndexId,
  ReadIndexResponse,
  RequestVote,
  RequestVoteResponse,
  SnapshotChunk,
  SnapshotLabel,
  TimeoutNow,
} from "./message.js";
export type { NumberBound, RaftOptions, RaftOptionsInput, SettingConflict } from "./options.js";
export { RAFT_BOUNDS, RAFT_DEFAULTS, raftConflicts, resolveRaftOptions } from "./options.js";
export type { Clock, Timer } from "./ports/clock.js";
export type { LogStore, LogStoreListener, LogWrite, RecoveredLog } from "./ports/log-store.js";
export type { Random } from "./ports/random.js";
export type {
  SnapshotFile,
  SnapshotStore,
  SnapshotWriter,
} from "./ports/snapshot-store.js";
export type {
  SnapshotRecord,
  StateMachine,
  StateRestoration,
  StateSnapshot,
} from "./ports/state-machine.js";
export { SNAPSHOT_NAMESPACE } from "./ports/state-machine.js";
export type {
  NodeIdentity,
  OpenedStorage,
  OpenStorageOptions,
  RecoveryProgress,
  StorageEngine,
} from "./ports/storage-engine.js";
export type { Transport, TransportListener } from "./ports/transport.js";
export type { ReplicationState } from "./progress/progress.js";
export { RaftNode } from "./raft-node.js";
export type { RaftNodeSetup } from "./state.js";
export type { PeerStatus, RaftStatus } from "./status.js";
