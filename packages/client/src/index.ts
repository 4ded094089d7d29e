export type { EngineErrorCode, LeaderHint, NodeId, Outcome } from "@d-engine/core";
export { EngineError, isEngineError } from "@d-engine/core";
export { additionOf, checkedId, promotionOf, removalOf } from "./admin/admin-messages.js";
export { sealedBackup } from "./admin/backup.js";
export type {
  ChangeOptions,
  ClusterAdmin,
  ClusterMembers,
  MembersChanged,
  NewMember,
  SnapshotInfo,
  SnapshotOptions,
} from "./admin/cluster-admin.js";
export { connectAdmin } from "./admin/remote-admin.js";
export type {
  AuthAdmin,
  AuthDescription,
  AuthPort,
  AuthRequest,
  AuthRole,
  AuthUser,
} from "./auth/auth-admin.js";
export { PortAuthAdmin } from "./auth/auth-admin.js";
export type { CredentialOptions } from "./auth/credentials.js";
export { connectAuth, connectAuthPort } from "./auth/remote-auth.js";
export { failureOfStatus } from "./call-failure.js";
export type {
  ClientTransport,
  TransportAnswer,
  TransportCallOptions,
  TransportFailure,
  TransportMethod,
  TransportRequest,
  TransportRequestOf,
  TransportResults,
  TransportStream,
  TransportStreamEvent,
  TransportStreamInputs,
  TransportStreamKind,
  TransportStreamMessages,
  TransportStreamOptions,
  TransportStreamRequest,
  TransportStreamRequestOf,
  WriteAnswer,
} from "./client-transport.js";
export { connect, connectLazily, connectLazilyOver, connectOver } from "./connect.js";
export type { ConnectOptions } from "./connect-options.js";
export { CONNECT_DEFAULTS } from "./connect-options.js";
export type { HostPort, ParseHostPortOptions } from "./endpoints.js";
export { endpointsMax, parseEndpoints, parseHostPort } from "./endpoints.js";
export type {
  Bytes,
  CallOptions,
  Consistency,
  EngineClient,
  KeyValue,
  LeaderInfo,
  MemberInfo,
  MembershipSnapshot,
  PutOptions,
  PutResult,
  ReadOptions,
  ScanResult,
  WatchMembershipOptions,
} from "./engine-client.js";
export { ClientSession } from "./exactly-once/client-session.js";
export { openSession } from "./exactly-once/open-session.js";
export type { SessionOptions } from "./exactly-once/session-options.js";
export { SESSION_DEFAULTS } from "./exactly-once/session-options.js";
export type { KeySelection } from "./key-selection.js";
export { spanOf } from "./key-selection.js";
export { AbstractKvClient } from "./kv/abstract-kv-client.js";
export type { KvOperations } from "./kv/kv-operations.js";
export type { KvOutcome, KvPort, KvWriteOutcome } from "./kv/kv-port.js";
export type { GrantOptions, LeaseStatus, TimeToLiveOptions } from "./kv/lease.js";
export { Lease } from "./kv/lease.js";
export type { KeyRange, RangeOptions, RangeShape } from "./kv/range.js";
export { checkTtl } from "./kv/ttl.js";
export type { TxnResult } from "./kv/txn.js";
export { Txn } from "./kv/txn.js";
export type {
  Test,
  TxnBranch,
  TxnCondition,
  TxnParts,
  TxnStep,
  TxnStepResult,
} from "./kv/txn-steps.js";
export type { ProbeResult } from "./probe.js";
export { probeEndpoints } from "./probe.js";
export type { ClientPorts } from "./remote-client.js";
export { RemoteClient } from "./remote-client.js";
export type { ChangeSource, ChangesOptions } from "./streams/changes.js";
export { Changes } from "./streams/changes.js";
export { InboundStream } from "./streams/inbound-stream.js";
export {
  type ChannelSecurity,
  type ClientTls,
  channelSecurity,
  type TlsContext,
  type TlsVersion,
  tlsContextOf,
} from "./tls/client-tls.js";
export { toBytes, toText } from "./to-bytes.js";
export type {
  KeyRecord,
  Watch,
  WatchBatch,
  WatchEvent,
  WatchOptions,
} from "./watch/watch-types.js";
export type { WatchInput, WatchOutput } from "./watch/watch-wire.js";
export type { WireStatus } from "./wire-errors.js";
export {
  CODE_TRAILER,
  engineCodeOfNumber,
  engineCodeOfSessionNumber,
  formatLeaderTrailer,
  LEADER_TRAILER,
  parseLeaderTrailer,
  RETRY_AFTER_TRAILER,
  sessionNumberOf,
  WIRE_ERRORS,
} from "./wire-errors.js";
export type { ClusterView } from "./wire-messages.js";
