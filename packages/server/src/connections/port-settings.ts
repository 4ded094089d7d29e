import type { SettingConflict } from "@d-engine/core";
import type { KvLimits } from "@d-engine/kv";
import { integer, type SettingRules } from "../settings/setting-rule.js";

/** What whoever connects may take of a node before it has shown that it may do anything. */
export interface PortSettings {
  /** Connections of clients and peers that are open at once; more are closed at once. */
  readonly connectionsMax: number;
  /** Of these, from one address. */
  readonly connectionsPerAddressMax: number;
  /** Connections to the operators' port. */
  readonly adminConnectionsMax: number;
  /** Of these, from one address. */
  readonly adminConnectionsPerAddressMax: number;
  /** Calls under way on one connection; more wait at the client. */
  readonly callsPerConnectionMax: number;
  /** Watches open on one connection; more are refused as `RATE_LIMITED`. */
  readonly watchesPerConnectionMax: number;
  /** Bytes of the largest request that is read; larger ones are refused. */
  readonly requestBytesMax: number;
  /** Bytes of keys and values in one answer; larger ones are refused as `INVALID_REQUEST`. */
  readonly answerBytesMax: number;
  /** Bytes of answers that one connection may have unread. */
  readonly unsentBytesMax: number;
  /** Bytes of the headers of one call, tokens among them, as HTTP/2 counts them. */
  readonly headerBytesMax: number;
  /** From connecting until TLS and HTTP/2 are agreed upon. */
  readonly handshakeTimeoutMs: number;
  /** Without any call a connection is closed after this; clients make a new one by themselves. */
  readonly connectionIdleMs: number;
  /** How often a connection is asked whether its other end is still there. */
  readonly keepaliveIntervalMs: number;
  /** Without an answer to that it is closed. */
  readonly keepaliveTimeoutMs: number;
  /** Questions of that kind that a connection may ask in a minute in which it is told nothing. */
  readonly idlePingsMax: number;
  /** From the first byte of a request until the last. */
  readonly slowRequestMs: number;
  /** A reader that takes nothing of an answer for this long loses it. */
  readonly slowReaderMs: number;
}

export const PORT_DEFAULTS: PortSettings = Object.freeze({
  connectionsMax: 8_192,
  connectionsPerAddressMax: 2_048,
  adminConnectionsMax: 256,
  adminConnectionsPerAddressMax: 64,
  callsPerConnectionMax: 1_024,
  watchesPerConnectionMax: 10_000,
  requestBytesMax: 4 * 1024 * 1024,
  answerBytesMax: 64 * 1024 * 1024,
  unsentBytesMax: 256 * 1024 * 1024,
  headerBytesMax: 16 * 1024,
  handshakeTimeoutMs: 10_000,
  connectionIdleMs: 1_800_000,
  keepaliveIntervalMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  idlePingsMax: 240,
  slowRequestMs: 30_000,
  slowReaderMs: 60_000,
});

/** More milliseconds than this a timer cannot wait. */
const timerMsMax = 2 ** 31 - 2;

export const PORT_RULES: SettingRules<PortSettings> = {
  connectionsMax: integer(1, 1_000_000),
  connectionsPerAddressMax: integer(1, 1_000_000),
  adminConnectionsMax: integer(1, 100_000),
  adminConnectionsPerAddressMax: integer(1, 100_000),
  callsPerConnectionMax: integer(4, 1_000_000),
  watchesPerConnectionMax: integer(1, 1_000_000),
  requestBytesMax: integer(64 * 1024, 1024 * 1024 * 1024),
  answerBytesMax: integer(1024, 2 ** 30),
  unsentBytesMax: integer(64 * 1024, 2 ** 40),
  headerBytesMax: integer(4096, 1024 * 1024),
  handshakeTimeoutMs: integer(10, 3_600_000),
  connectionIdleMs: integer(10, timerMsMax),
  keepaliveIntervalMs: integer(10, timerMsMax),
  keepaliveTimeoutMs: integer(10, 3_600_000),
  idlePingsMax: integer(1, 1_000_000),
  slowRequestMs: integer(10, timerMsMax),
  slowReaderMs: integer(10, timerMsMax),
};

/** Frames of a command, an entry, an append and a request; generous. */
const requestOverheadBytes = 64 * 1024;
/** Frames of a command, an entry and a batch, and the head of a segment. */
const segmentOverheadBytes = 4096;

/** The largest command that fits into a segment of the log, and into a request to a follower. */
export function commandBytesMax(requestBytesMax: number, segmentBytes: number): number {
  return Math.min(requestBytesMax - requestOverheadBytes, segmentBytes - segmentOverheadBytes);
}

/** What does not go together. */
export function portConflicts(
  ports: PortSettings,
  { keyBytesMax, valueBytesMax }: Pick<KvLimits, "keyBytesMax" | "valueBytesMax">,
): SettingConflict[] {
  const conflicts: SettingConflict[] = [];
  const { requestBytesMax } = ports;
  // A compare-and-swap carries two values. A follower takes entries by requests, too.
  const largest = keyBytesMax + 2 * valueBytesMax + requestOverheadBytes;
  if (largest > requestBytesMax) {
    conflicts.push({
      settings: ["requestBytesMax", "keyBytesMax", "valueBytesMax"],
      problem:
        `requestBytesMax (${requestBytesMax}) must hold the largest command, ${largest} bytes by ` +
        "keyBytesMax and valueBytesMax",
      fix: "raise it on all members, or lower those",
    });
  }
  for (const [name, of] of [
    ["connectionsPerAddressMax", "connectionsMax"],
    ["adminConnectionsPerAddressMax", "adminConnectionsMax"],
  ] as const) {
    if (!(ports[name] > ports[of])) continue;
    conflicts.push({
      settings: [name, of],
      problem: `${name} (${ports[name]}) is more than ${of} (${ports[of]})`,
      fix: "lower the one, or raise the other",
    });
  }
  return conflicts;
}
