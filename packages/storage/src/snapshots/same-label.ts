import type { SnapshotLabel } from "@d-engine/core";
import { sameBytes } from "../sha256.js";

/** Whether two labels name the same file, byte for byte. */
export function sameLabel(a: SnapshotLabel, b: SnapshotLabel): boolean {
  return (
    a.lastIncluded.index === b.lastIncluded.index &&
    a.lastIncluded.term === b.lastIncluded.term &&
    a.bytes === b.bytes &&
    sameBytes(a.checksum, b.checksum)
  );
}
