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
