export type { KvEntry, KvReader, KvScan } from "./kv-reader.js";
export { KvStateMachine } from "./kv-state-machine.js";
export { KvView } from "./kv-view.js";
export type { KvLimits } from "./limits.js";
export { KV_LIMITS_DEFAULTS, resolveKvLimits } from "./limits.js";
export type { RecordVisitor } from "./ordered-index.js";
export type { KvRecord } from "./record.js";
export type { StateHash } from "./state-hash.js";
export type { WriteOutcome } from "./write-outcome.js";
