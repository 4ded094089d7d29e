/**
 * Names in the log directory:
 *
 * - `0000000000000007.log`: the segment with ordinal 7, in the log or held ready to be the next;
 * - `0000000000000007.spare`: a purged segment that will be used again under another ordinal;
 * - `prepare.tmp`: a file being filled with zeros.
 */
export type SegmentFileName =
  | { readonly kind: "segment" | "spare"; readonly ordinal: number }
  | { readonly kind: "temporary" }
  | { readonly kind: "foreign" };

export const PREPARE_NAME = "prepare.tmp";

export function segmentName(ordinal: number): string {
  return `${digits(ordinal)}.log`;
}

export function spareName(ordinal: number): string {
  return `${digits(ordinal)}.spare`;
}

export function parseSegmentName(name: string): SegmentFileName {
  if (name.endsWith(".tmp")) return { kind: "temporary" };
  const match = /^(\d{16})\.(log|spare)$/.exec(name);
  if (match === null) return { kind: "foreign" };
  return { kind: match[2] === "log" ? "segment" : "spare", ordinal: Number(match[1]) };
}

/** Sixteen digits hold every integer that a number holds exactly. */
function digits(ordinal: number): string {
  return String(ordinal).padStart(16, "0");
}
