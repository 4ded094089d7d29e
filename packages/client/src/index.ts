export { AbstractEngineClient } from "./abstract-engine-client.js";
export type {
  Bytes,
  CallOptions,
  Consistency,
  EngineClient,
  KeyValue,
  LeaderInfo,
  MemberInfo,
  PutOptions,
  PutResult,
  ReadOptions,
  ScanResult,
} from "./engine-client.js";
export { toBytes, toText } from "./to-bytes.js";
