import { RAFT_BOUNDS, type RaftOptions } from "@d-engine/core";
import { KV_LIMIT_BOUNDS, type KvLimits } from "@d-engine/kv";
import type { FileStorageTuning } from "@d-engine/storage";
import { PORT_RULES } from "../connections/port-settings.js";
import type { DriverOptions } from "../driver/options.js";
import { SECURITY_RULES } from "../security/security-settings.js";
import type { WatchOptions } from "../watch/watch-options.js";
import { choice, integer, number, type SettingRule, type SettingRules } from "./setting-rule.js";

export type StorageSettings = Required<FileStorageTuning>;

const sectorBytes = 512;

export const DRIVER_RULES: SettingRules<DriverOptions> = {
  requestTimeoutMs: number(1, 3_600_000),
  closeTimeoutMs: number(0, 3_600_000),
  pendingProposalsMax: integer(1, 10_000_000),
  pendingProposalBytesMax: integer(1024, 2 ** 32),
  proposalEntriesMax: integer(1, 100_000),
  proposalBytesMax: integer(1024, 64 * 1024 * 1024),
  eagerEntries: integer(1, 100_000),
  pendingReadsMax: integer(1, 10_000_000),
  readRequestsMax: integer(1, 10_000),
  retryAfterMs: integer(1, 60_000),
  applySliceMs: number(1, 1_000),
  heldMessagesMax: integer(1, 1_000_000),
  snapshotLogBytes: integer(1024, 2 ** 40),
  snapshotEntries: integer(1, 2 ** 40),
  logTailBytes: integer(0, 2 ** 40),
  logBytesMax: integer(1024, 2 ** 50),
  snapshotChunkBytes: integer(1024, 1024 * 1024),
  snapshotWindowChunks: integer(1, 64),
  snapshotTransfersMax: integer(1, 64),
  snapshotBytesPerSecond: integer(0, 2 ** 40),
  clockJumpMs: number(10, 60_000),
  historyRetentionMs: integer(0, 2 ** 40),
  defaultConsistency: choice("linearizable", "lease", "eventual"),
  allowClientOverride: choice(true, false),
};

export const WATCH_RULES: SettingRules<WatchOptions> = {
  watchesMax: integer(1, 1_000_000),
  watchEventsMax: integer(1, 10_000_000),
  watchBytesMax: integer(1024, 2 ** 32),
  watchSliceEvents: integer(1, 1_000_000),
  watchProgressMs: integer(10, 3_600_000),
};

export const STORAGE_RULES: SettingRules<StorageSettings> = {
  segmentBytes: integer(4096, 1024 * 1024 * 1024, sectorBytes),
  batchBytesMax: integer(1024, 1024 * 1024 * 1024, sectorBytes),
  sealAfterMs: integer(1, 60_000),
  spareSegmentsMax: integer(0, 1024),
  snapshotsKept: integer(1, 1000),
};

export const JOIN_RULES: SettingRules<{ joinAs: string; joinTimeoutMs: number }> = {
  joinAs: choice("promotable", "readOnly"),
  joinTimeoutMs: number(1, 3_600_000),
};

const raftRules = {
  ...(Object.fromEntries(
    Object.entries(RAFT_BOUNDS).map(([name, [min, max, isInteger]]) => [
      name,
      isInteger ? integer(min, max) : number(min, max),
    ]),
  ) as SettingRules<typeof RAFT_BOUNDS>),
  autoPromote: choice(true, false),
} satisfies SettingRules<RaftOptions>;

const limitRules = Object.fromEntries(
  Object.entries(KV_LIMIT_BOUNDS).map(([name, [min, max]]) => [name, integer(min, max)]),
) as SettingRules<KvLimits>;

/** What every single setting may be; relations between them are checked by `resolveSettings`. */
export const ENGINE_RULES = {
  ...raftRules,
  ...DRIVER_RULES,
  ...limitRules,
  ...STORAGE_RULES,
  ...WATCH_RULES,
  ...JOIN_RULES,
  ...SECURITY_RULES,
  ...PORT_RULES,
  nodeId: integer(1, 2 ** 32 - 1),
  clusterToken: { kind: "text" },
} satisfies Readonly<Record<string, SettingRule>>;

/** The name of a setting with a single value. */
export type SettingName = keyof typeof ENGINE_RULES;
