export type { LocalWatch, WatchMessage, WatchSpec } from "../watch/local-watch.js";
export { concernsWatch } from "../watch/watch-errors.js";
export type { WatchMetrics } from "../watch/watch-hub.js";
export type { WatchOptions } from "../watch/watch-options.js";
export { WATCH_DEFAULTS } from "../watch/watch-options.js";
export { prefixSpan } from "../watch/watch-span.js";
export { Driver } from "./driver.js";
export type { DriverSetup } from "./driver-setup.js";
export type { FeatureGate } from "./feature-gate.js";
export { KvNode } from "./kv-node.js";
export type { LeaderListener } from "./leader-tracker.js";
export type { NodeState } from "./lifecycle.js";
export type {
  DeadlineOptions,
  LocalMembership,
  LocalNode,
  LocalNodeStatus,
  MembershipChangeOptions,
  QueryRequestOptions,
  ReadRequestOptions,
  WatchRequestOptions,
  WriteOutcome,
} from "./local-node.js";
export type { LogFields, Logger } from "./logger.js";
export { silentLogger } from "./logger.js";
export type { MembershipListener } from "./membership-feed.js";
export { membershipSnapshotOf, membershipSource } from "./membership-source.js";
export type { DriverMetrics } from "./metrics.js";
export { NullTransport } from "./null-transport.js";
export type { DriverOptions } from "./options.js";
export { DRIVER_DEFAULTS } from "./options.js";
export type { StampSource } from "./time/cluster-time.js";
export { kvStamps } from "./time/kv-stamps.js";
