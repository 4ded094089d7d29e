import type { Clock } from "@d-engine/core";
import type { Crc32 } from "../crc32.js";
import type { FileSystem } from "../file-system.js";
import type { Nonce } from "../format/batch-header.js";
import { nonceAt } from "../format/batch-header.js";

/** What every part of a log works with. All fields are resolved: no defaults here. */
export interface LogContext {
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly crc32: Crc32;
  /** Nonces come from here; must not repeat between runs. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly segmentBytes: number;
  readonly batchBytesMax: number;
  readonly sealAfterMs: number;
  readonly spareSegmentsMax: number;
}

export function drawNonce(context: LogContext): Nonce {
  return nonceAt(context.randomBytes(8), 0);
}
