/**
 * The log on disk, format version 1. All integers are little-endian; byte ranges are half-open.
 *
 * A log is a directory of segments. A segment is a file named by its ordinal (1, 2, 3 …), of fixed
 * size, written and synced in full before its first use, so that no later write changes its
 * metadata and none can run out of space. Segments are filled one after the other, front to back,
 * by batches. A batch is one write, starts on a 512-byte boundary, is padded with zeros to the next
 * one and never spans segments:
 *
 *     [0, 4)    magic "DELW"                [32, 36)  payload length P, without header and padding
 *     [4, 6)    format version              [36, 40)  CRC-32 of payload and padding
 *     [6, 7)    kind of batch               [40, 60)  zeros
 *     [7, 8)    zero                        [60, 64)  CRC-32 of bytes [0, 60)
 *     [8, 16)   nonce of the segment        [64, 64 + P)  payload
 *     [16, 24)  sequence number             … zeros up to the next boundary
 *     [24, 32)  commit index known when it was written
 *
 * Kinds of batches:
 *
 * - `segment`: the first batch of every segment, always exactly one sector, always a write of its
 *   own and durable before the next one starts. (Merged into the first data write it would save a
 *   sync per segment, but a torn first write could then leave entries behind a damaged header.)
 *   Payload: format version (4), flags (4; 1 = has a hard state), ordinal (8), nonce of the *next*
 *   segment (8), size of this file (8), index (8) and term (8) of the last entry before this
 *   segment, hard state: term (8), vote (4; 0 = none), zeros (4), election timeout (8, float).
 * - `data`: records, each starting with its kind in one byte and three zeros.
 *   Hard state (1): vote (4), term (8), election timeout (8, float).
 *   Run of entries of one term (2): count (4), first index (8), term (8), term of the entry before
 *   the run (8), length of what follows (4), zeros (4); then per entry its length (4) and bytes.
 *   A run replaces every entry from its first index on.
 *   Reset (3): zeros (4), index (8), term (8). A snapshot took the place of the log: every entry
 *   before is void, and the log goes on right behind this position.
 * - `seal`: no payload. Follows the last data batch of a log that has nothing to write, so that
 *   the data batch is followed by something valid.
 * - `roll`: no payload. The last batch of every segment that has a successor; so a missing last
 *   file is noticed. Every segment keeps its last sector free for it.
 *
 * Sequence numbers grow by one from batch to batch, across segments. At most one write is under
 * way, and the next starts after it returned: only the newest batch can be torn, and nothing with
 * a higher sequence number and the right nonce exists on the disk while it is. Hence recovery:
 *
 * - a bad batch *with* a later valid one behind it was durable once, and is damaged: refuse;
 * - a bad batch *without* was never acknowledged: cut it, and overwrite its first sector with a
 *   seal of the same sequence number before anything else. What remains of it is payload bytes,
 *   which have no valid header with this segment's nonce and a higher sequence number: the nonce
 *   is random and never leaves the process, and recovery looks for headers at boundaries only. So
 *   nothing of a torn batch is ever taken as valid, however often the node crashes after it.
 *
 * The nonce tells the generations of a recycled file apart: it is drawn anew for each use and is
 * announced by the segment before, so that later batches of a segment are recognised also when its
 * own first sector is damaged.
 */
export const FORMAT_VERSION = 1;

/** The unit of which a disk writes all or nothing. */
export const SECTOR_BYTES = 512;

export const BATCH_HEADER_BYTES = 64;

/** Bytes of a segment that no data batch may use: its first sector and the place of the roll. */
export const SEGMENT_OVERHEAD_BYTES = 2 * SECTOR_BYTES;

/** `bytes`, rounded up to whole sectors. */
export function padToSector(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}
