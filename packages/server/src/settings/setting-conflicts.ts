import { type RaftOptions, raftConflicts, type SettingConflict } from "@d-engine/core";
import type { KvLimits } from "@d-engine/kv";
import { type PortSettings, portConflicts } from "../connections/port-settings.js";
import type { DriverOptions } from "../driver/options.js";
import { type SecuritySettings, securityConflicts } from "../security/security-settings.js";
import type { StorageSettings } from "./setting-rules.js";

/** Frames of a command, an entry and a batch, and the head of a segment; generous. */
const commandOverheadBytes = 4096;

/** All relations between settings that are each within their bounds. */
export function settingConflicts(
  settings: RaftOptions &
    DriverOptions &
    KvLimits &
    StorageSettings &
    SecuritySettings &
    PortSettings,
): SettingConflict[] {
  return [
    ...raftConflicts(settings),
    ...logConflicts(settings, settings),
    ...roomConflicts(settings, settings),
    ...securityConflicts(settings),
    ...portConflicts(settings, settings),
  ];
}

/** A command that fits into no segment of the log would stop the node instead of being refused. */
export function roomConflicts(
  { keyBytesMax, valueBytesMax }: KvLimits,
  { segmentBytes }: StorageSettings,
): SettingConflict[] {
  // A compare-and-swap carries two values.
  const largest = keyBytesMax + 2 * valueBytesMax + commandOverheadBytes;
  if (!(largest > segmentBytes)) return [];
  return [
    {
      settings: ["segmentBytes", "keyBytesMax", "valueBytesMax"],
      problem:
        `segmentBytes (${segmentBytes}) must hold the largest command, ${largest} bytes by ` +
        "keyBytesMax and valueBytesMax",
      fix: "raise it, or lower those",
    },
  ];
}

/** At its bound the log must be able to shrink: by what a snapshot covers, in whole segments. */
export function logConflicts(
  { logBytesMax, logTailBytes, snapshotLogBytes }: DriverOptions,
  { segmentBytes }: StorageSettings,
): SettingConflict[] {
  const least = logTailBytes + snapshotLogBytes + 4 * segmentBytes;
  if (!(logBytesMax < least)) return [];
  return [
    {
      settings: ["logBytesMax", "logTailBytes", "snapshotLogBytes", "segmentBytes"],
      problem:
        `logBytesMax (${logBytesMax}) must be at least logTailBytes + snapshotLogBytes + ` +
        `4 segments (segmentBytes), ${least}`,
      fix: "raise it, or lower those",
    },
  ];
}
