import type { LogId, LogIndex, SnapshotLabel, Term } from "@d-engine/core";
import { bytesOfHex, hexOf } from "../sha256.js";

/**
 * Names in the directory `snapshots`, all numbers but sizes with sixteen digits, so that names
 * sort like the positions in them:
 *
 * - `snapshot-TERM-INDEX.pb`: a complete snapshot, one `d_engine.common.Snapshot` message;
 * - `snapshot-TERM-INDEX.pb.sha256`: its checksum, in the format of `sha256sum -c`;
 * - `snapshot-TERM-INDEX.SHA256.BYTES.partial`: one that is being received, the rest of its label
 *   in its name; beside it `….partial.mark`, which says how much of it is certain;
 * - `….tmp`: anything that was being written when its process ended.
 *
 * A snapshot is complete when both of its files are there. Its content is synced first, then its
 * checksum is durable under its name, then the content is renamed and the directory synced, so:
 * a checksum alone is what a crash left of an attempt, and is removed; a snapshot without its
 * checksum was complete once, and is damaged.
 */
export type SnapshotFileName =
  | { readonly kind: "snapshot" | "checksum"; readonly lastIncluded: LogId }
  | { readonly kind: "partial" | "mark"; readonly label: SnapshotLabel }
  | { readonly kind: "temporary" }
  | { readonly kind: "foreign" };

export function snapshotName({ term, index }: LogId): string {
  return `snapshot-${digits(term)}-${digits(index)}.pb`;
}

export function checksumName(lastIncluded: LogId): string {
  return `${snapshotName(lastIncluded)}.sha256`;
}

export function partialName({ lastIncluded, checksum, bytes }: SnapshotLabel): string {
  const { term, index } = lastIncluded;
  return `snapshot-${digits(term)}-${digits(index)}.${hexOf(checksum)}.${bytes}.partial`;
}

export function markName(label: SnapshotLabel): string {
  return `${partialName(label)}.mark`;
}

/** A name that no other attempt of this process has, by its `number`. */
export function temporaryName(lastIncluded: LogId, number: number): string {
  return `${snapshotName(lastIncluded)}.${number}.tmp`;
}

export function parseSnapshotName(name: string): SnapshotFileName {
  if (!name.startsWith("snapshot-")) return { kind: "foreign" };
  if (name.endsWith(".tmp")) return { kind: "temporary" };
  const complete = /^snapshot-(\d{16})-(\d{16})\.pb(\.sha256)?$/.exec(name);
  if (complete !== null) {
    const kind = complete[3] === undefined ? "snapshot" : "checksum";
    return { kind, lastIncluded: logIdOf(complete[1]!, complete[2]!) };
  }
  const partial = /^snapshot-(\d{16})-(\d{16})\.([0-9a-f]{64})\.(\d{1,16})\.partial(\.mark)?$/.exec(
    name,
  );
  if (partial === null) return { kind: "foreign" };
  const lastIncluded = logIdOf(partial[1]!, partial[2]!);
  const label = { lastIncluded, checksum: bytesOfHex(partial[3]!), bytes: Number(partial[4]) };
  return { kind: partial[5] === undefined ? "partial" : "mark", label };
}

function logIdOf(term: string, index: string): LogId {
  return { term: Number(term) as Term, index: Number(index) as LogIndex };
}

/** Sixteen digits hold every integer that a number holds exactly. */
function digits(value: number): string {
  return String(value).padStart(16, "0");
}
