import { PORT_DEFAULTS, type PortSettings } from "../connections/port-settings.js";

/** Bounds of the gRPC server. Writes and reads that wait are bounded by the node itself. */
export interface GrpcLimits extends PortSettings {
  /** Keys in one read. */
  readonly readKeysMax: number;
  /** Health and membership streams open at once; more are refused as `RATE_LIMITED`. */
  readonly streamsMax: number;
  /** Session streams open at once; more are refused as `RATE_LIMITED`. */
  readonly sessionsMax: number;
  /** Operations that one session may have unanswered; one more ends it. */
  readonly sessionOperationsMax: number;
  /** Bytes of operations that one session may have unanswered; more end it. */
  readonly sessionBytesMax: number;
  /** Bytes of answers that one session may have unread; beyond, it is not read from either. */
  readonly sessionUnsentBytesMax: number;
  /** Scans that one session runs at a time; more wait their turn. */
  readonly sessionScansMax: number;
  /** Watch streams open at once; more are refused as `RATE_LIMITED`. */
  readonly watchStreamsMax: number;
  /** Bytes that one watch stream may have unread; beyond, its watches keep what they have. */
  readonly watchUnsentBytesMax: number;
}

export const GRPC_LIMITS: GrpcLimits = Object.freeze({
  ...PORT_DEFAULTS,
  readKeysMax: 10_000,
  streamsMax: 1_024,
  sessionsMax: 1_024,
  sessionOperationsMax: 4_096,
  sessionBytesMax: 16 * 1024 * 1024,
  sessionUnsentBytesMax: 2 * 1024 * 1024,
  sessionScansMax: 4,
  watchStreamsMax: 20_000,
  watchUnsentBytesMax: 256 * 1024,
});
