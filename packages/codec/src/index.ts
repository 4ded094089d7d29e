export {
  decodeAppendEntriesRequest,
  encodeAppendEntriesRequest,
} from "./append-entries-request.js";
export type { AddressedAppendResponse } from "./append-entries-response.js";
export {
  decodeAppendEntriesResponse,
  encodeAppendEntriesResponse,
} from "./append-entries-response.js";
export { authChangeKinds, authRights } from "./auth-change.js";
export { CodecError, UnknownChangeError } from "./codec-error.js";
export { decodeConfigurationRecord, encodeConfigurationRecord } from "./configuration-record.js";
export { decodeEntry, decodePayload, readEntry } from "./entry-decoder.js";
export { encodeEntry, encodePayload, entrySize, writeEntry } from "./entry-encoder.js";
export { decodeIdentity } from "./identity.js";
export { keyToString, stringToKey } from "./key-string.js";
export type {
  AuthChangeKind,
  AuthCommand,
  AuthRight,
  CommandResult,
  CompactCommand,
  Compare,
  CompareResult,
  CompareTarget,
  DeleteRangeCommand,
  ExpireCommand,
  Identity,
  KeySpan,
  KvCommand,
  KvPair,
  KvQuery,
  KvQueryResult,
  LeaseDeadline,
  LeaseGrantCommand,
  LeaseKeepAliveCommand,
  LeaseListQuery,
  LeasePutCommand,
  LeaseResult,
  LeaseRevokeCommand,
  LeaseStatus,
  LeaseTimeToLiveQuery,
  RangeQuery,
  RangeResult,
  SessionMark,
  TimeCommand,
  TxnCommand,
  TxnOperation,
  TxnOperationResult,
  TxnResult,
} from "./kv-command.js";
export { decodeKvCommand } from "./kv-command-decoder.js";
export { encodeKvCommand } from "./kv-command-encoder.js";
export { decodeKvQuery } from "./kv-query-decoder.js";
export { encodeKvQuery } from "./kv-query-encoder.js";
export { decodeKvQueryResult } from "./kv-query-result-decoder.js";
export { encodeKvQueryResult } from "./kv-query-result-encoder.js";
export { kvPairSize } from "./kv-range-result-encoder.js";
export { decodeCommandResult } from "./kv-result-decoder.js";
export { encodeCommandResult } from "./kv-result-encoder.js";
export { Reader } from "./reader.js";
export type {
  DecodedSessionOperation,
  DecodedSessionResult,
  SessionFailure,
  SessionOperation,
  SessionRequest,
  SessionResponse,
  SessionResult,
  SessionScanEntry,
  SessionWindow,
} from "./session-message.js";
export type { DecodedSessionRequest } from "./session-request-decoder.js";
export { decodeSessionRequest } from "./session-request-decoder.js";
export { encodeSessionRequest, sessionOperationSize } from "./session-request-encoder.js";
export type { DecodedSessionResponse } from "./session-response-decoder.js";
export { decodeSessionResponse } from "./session-response-decoder.js";
export {
  encodeSessionResponse,
  sessionEntrySize,
  sessionResultSize,
  sessionValueSize,
} from "./session-response-encoder.js";
export { Slab } from "./slab.js";
export type { SnapshotDecoderOptions } from "./snapshot-decoder.js";
export { SnapshotDecoder } from "./snapshot-decoder.js";
export type { SnapshotMeta } from "./snapshot-meta.js";
export { encodeSnapshotMeta, SNAPSHOT_FORMAT } from "./snapshot-meta.js";
export { encodeSnapshotRecords } from "./snapshot-records.js";
export { newerVersion, refuseUnknownField } from "./unknown-field.js";
export { bytesToUtf8, utf8ToBytes } from "./utf8.js";
export {
  encodeWatchAnswer,
  encodeWatchEvents,
  joinWatchAnswers,
  type WatchedChange,
} from "./watch-events-encoder.js";
export { varintSize } from "./wire-type.js";
export type {
  CompareAndSwapCommand,
  ContractCommand,
  DecodedWriteCommand,
  DeleteCommand,
  Marks,
  NoCommand,
  PutCommand,
  WriteCommand,
} from "./write-command.js";
export { decodeWriteCommand } from "./write-command-decoder.js";
export {
  encodeCompareAndSwap,
  encodeDelete,
  encodePut,
  encodeWriteCommand,
} from "./write-command-encoder.js";
export { appendStamp, encodeKvWrite, stampOf, withIdentity, withSession } from "./write-marks.js";
export { Writer } from "./writer.js";
