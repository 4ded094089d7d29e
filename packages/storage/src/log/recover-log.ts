import { invariant, type OpenStorageOptions } from "@d-engine/core";
import { dataCorruption, naming } from "../storage-errors.js";
import type { LogContext } from "./log-context.js";
import { findLogFiles } from "./log-files.js";
import { LogReplay, type NewestBatch } from "./log-replay.js";
import type { HeldSegment } from "./segment.js";
import { segmentName } from "./segment-name.js";
import { READ_BUFFER_BYTES, readBuffer, SegmentReader } from "./segment-reader.js";
import { findLaterBatch } from "./segment-scan.js";

/** What a start found in a log directory. */
export interface RecoveredState {
  readonly replay: LogReplay;
  readonly newest: NewestBatch;
  /** Whether a torn batch stands where the next one goes. */
  readonly wasCut: boolean;
  /** The segment that stands ready to be the next, if there is one of the right size. */
  readonly held: HeldSegment | undefined;
  readonly spares: readonly number[];
}

export type RecoveryReports = Pick<OpenStorageOptions, "onProgress" | "onNotice">;

/**
 * Reads a log back (rules R8 and R9). Throws `DATA_CORRUPTION` when what was once durable is
 * damaged or missing. Closes what it opened when it throws.
 */
export async function recoverLog(
  context: LogContext,
  reports: RecoveryReports,
): Promise<RecoveredState> {
  const onNotice = reports.onNotice ?? (() => undefined);
  const found = await findLogFiles(context, onNotice);
  const files: HeldSegment[] = [];
  try {
    for (const ordinal of found.segments) files.push(await openSegment(context, ordinal));
    const recovery = new Recovery(context, files, reports);
    return { ...(await recovery.run()), spares: found.spares };
  } catch (error) {
    for (const file of files) await file.file.close();
    throw error;
  }
}

async function openSegment(context: LogContext, ordinal: number): Promise<HeldSegment> {
  const { directory, fileSystem } = context;
  const path = `${directory}/${segmentName(ordinal)}`;
  const status = await naming("reading", path, () => fileSystem.stat(path));
  const file = await naming("opening", path, () =>
    fileSystem.open(path, { access: "readWrite", durable: true }),
  );
  return { ordinal, path, file, bytes: status?.bytes ?? 0 };
}

class Recovery {
  readonly #context: LogContext;
  readonly #files: readonly HeldSegment[];
  readonly #reports: RecoveryReports;
  readonly #replay: LogReplay;
  readonly #buffer: Uint8Array;

  constructor(context: LogContext, files: readonly HeldSegment[], reports: RecoveryReports) {
    this.#context = context;
    this.#files = files;
    this.#reports = reports;
    this.#replay = new LogReplay(context);
    this.#buffer = readBuffer(Math.max(0, ...files.map((file) => file.bytes)));
  }

  async run(): Promise<Omit<RecoveredState, "spares">> {
    for (const [i, file] of this.#files.entries()) {
      const reader = this.#reader(file);
      const end = await this.#replay.replay(file, reader, this.#progress(i));
      if (end.kind === "roll") continue;
      if (this.#replay.map === undefined) throw this.#noBeginning(file);
      await this.#refuseIfDamaged(i, end.offset, reader);
      if (end.looksTorn) this.#tellCut(file, end.offset);
      this.#progress(i)(file.bytes);
      return this.#finish(end.offset === 0 ? i : i + 1, end.looksTorn);
    }
    // Every file ended with a roll, so another one followed the last.
    const next = (this.#files.at(-1)?.ordinal ?? 0) + 1;
    const path = `${this.#context.directory}/${segmentName(next)}`;
    throw dataCorruption(path, 0, "the file is missing, though the log goes on in it");
  }

  /** `nextFile`: number of the first file that is not part of the log. */
  async #finish(nextFile: number, wasCut: boolean): Promise<Omit<RecoveredState, "spares">> {
    const newest = this.#replay.newest;
    invariant(newest !== undefined, "a replayed log without a batch");
    let held: HeldSegment | undefined;
    for (const file of this.#files.slice(nextFile)) {
      // From a run with other settings: made anew, under the same name, when it is needed.
      if (file.bytes === this.#context.segmentBytes) held = file;
      else await file.file.close();
    }
    return { replay: this.#replay, newest, wasCut, held };
  }

  /**
   * Tells a torn tail from damage: a batch that anything valid follows was durable once. So was
   * one in a segment whose successor has a successor, which is made only after the former began.
   */
  async #refuseIfDamaged(i: number, offset: number, reader: SegmentReader): Promise<void> {
    const file = this.#files[i]!;
    const map = this.#replay.map!;
    const sequence = this.#replay.nextSequence!;
    const isBegun = map.current.ordinal === file.ordinal;
    const nonce = isBegun ? map.current.nonce : map.current.nextNonce;
    await this.#refuseIfFollowed(file, offset, reader, { nonce, sequence }, offset);
    const next = this.#files[i + 1];
    if (next === undefined) return;
    const beyond = isBegun ? this.#files[i + 2] : next;
    if (beyond !== undefined) {
      const what = `batch ${sequence} is not valid, though segment ${beyond.ordinal} exists`;
      throw dataCorruption(file.path, offset, what);
    }
    const wanted = { nonce: map.current.nextNonce, sequence };
    await this.#refuseIfFollowed(next, 0, this.#reader(next), wanted, offset, file);
  }

  async #refuseIfFollowed(
    scanned: HeldSegment,
    from: number,
    reader: SegmentReader,
    wanted: { readonly nonce: bigint; readonly sequence: number },
    badOffset: number,
    bad: HeldSegment = scanned,
  ): Promise<void> {
    const range = { from, to: scanned.bytes };
    const later = await findLaterBatch(reader, range, wanted, this.#context.crc32);
    if (later === undefined) return;
    const where = `byte ${later.offset} of ${scanned.path}`;
    const what = `batch ${wanted.sequence} is not valid, but batch ${later.header.sequence} at ${where} is`;
    throw dataCorruption(bad.path, badOffset, what);
  }

  /** Nothing announces the oldest segment, so its beginning must be readable. */
  #noBeginning(file: HeldSegment): Error {
    return dataCorruption(file.path, 0, "the first batch of the oldest segment is not valid");
  }

  #tellCut(file: HeldSegment, offset: number): void {
    this.#reports.onNotice?.(
      `${file.path}: cut an incomplete batch at byte ${offset}; it was never acknowledged`,
    );
  }

  #reader(file: HeldSegment): SegmentReader {
    return new SegmentReader(file.path, file.file, () => file.bytes, this.#buffer);
  }

  /** Reports bytes of file number `i`, at most once per buffer and at its end. */
  #progress(i: number): (offset: number) => void {
    const total = sum(this.#files);
    const before = sum(this.#files.slice(0, i));
    let reported = 0;
    return (offset) => {
      if (offset < reported + READ_BUFFER_BYTES && offset < this.#files[i]!.bytes) return;
      reported = offset;
      const done = before + offset;
      this.#reports.onProgress?.({ phase: "log", done, total, unit: "bytes" });
    };
  }
}

function sum(files: readonly HeldSegment[]): number {
  return files.reduce((bytes, file) => bytes + file.bytes, 0);
}
