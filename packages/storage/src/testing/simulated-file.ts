import type { Random } from "@d-engine/core";
import { SECTOR_BYTES } from "../format/log-format.js";

/** A sector whose content differs, or may differ, between the page cache and the medium. */
interface DirtySector {
  /** What the medium holds. */
  readonly durable: Uint8Array;
  /** A sync of it failed: the cache calls it clean, so no later sync writes it either. */
  isForgotten: boolean;
}

/** A write that was issued and not answered: a crash may leave any subset of its sectors. */
export interface InFlightWrite {
  readonly position: number;
  readonly before: Uint8Array;
}

/**
 * The content of one simulated file: what reads see (the page cache), and beside it what a power
 * loss would leave, sector by sector.
 */
export class SimulatedFile {
  #bytes = new Uint8Array(0);
  #size = 0;
  #durableSize = 0;
  readonly #dirty = new Map<number, DirtySector>();
  readonly #inFlight = new Set<InFlightWrite>();

  get size(): number {
    return this.#size;
  }

  /** A copy of what reads see. */
  content(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    const end = Math.min(position + length, this.#size);
    if (end <= position) return 0;
    target.set(this.#bytes.subarray(position, end), targetOffset);
    return end - position;
  }

  /** Puts bytes into the cache; they reach the medium by `sync` or `landed`. */
  issue(source: Uint8Array, position: number): InFlightWrite {
    const end = position + source.length;
    this.#reserve(end);
    for (const sector of sectorsOf(position, end)) {
      const known = this.#dirty.get(sector);
      if (known === undefined) this.#markDirty(sector);
      else known.isForgotten = false;
    }
    const write = { position, before: this.#bytes.slice(position, end) };
    this.#bytes.set(source, position);
    this.#size = Math.max(this.#size, end);
    this.#inFlight.add(write);
    return write;
  }

  /** The write was answered; `durable` when it was one that includes its sync. */
  landed(write: InFlightWrite, durable: boolean): void {
    this.#inFlight.delete(write);
    if (!durable) return;
    for (const sector of this.#sectorsOf(write)) this.#dirty.delete(sector);
    this.#durableSize = this.#size;
  }

  /** The write failed: its bytes stay in the cache, and never reach the medium from there. */
  failed(write: InFlightWrite): void {
    this.#inFlight.delete(write);
    for (const sector of this.#sectorsOf(write)) this.#forget(sector);
  }

  sync(): void {
    for (const [sector, state] of this.#dirty) {
      if (!state.isForgotten) this.#dirty.delete(sector);
    }
    this.#durableSize = this.#size;
  }

  syncFailed(): void {
    for (const sector of this.#dirty.keys()) this.#forget(sector);
  }

  truncate(): void {
    this.#size = 0;
    this.#bytes = new Uint8Array(0);
    this.#dirty.clear();
    this.#durableSize = 0;
  }

  /** Replaces the content, durably: for tests that damage files. */
  replace(content: Uint8Array): void {
    this.truncate();
    this.#bytes = content.slice();
    this.#size = content.length;
    this.#durableSize = content.length;
  }

  /** The process ends: each sector of a write under way is written, or is not. */
  kill(random: Random): void {
    for (const { position, before } of this.#inFlight) {
      for (const sector of sectorsOf(position, position + before.length)) {
        if (random.next() < 0.5) continue;
        const from = Math.max(position, sector * SECTOR_BYTES);
        const to = Math.min(position + before.length, (sector + 1) * SECTOR_BYTES);
        this.#bytes.set(before.subarray(from - position, to - position), from);
      }
    }
    this.#inFlight.clear();
  }

  /** The machine ends: all, none or some of the un-synced sectors are on the medium. */
  powerLoss(random: Random): void {
    this.#inFlight.clear();
    const kept = [0, 1, 0.5, 0.5][Math.floor(random.next() * 4)]!;
    for (const [sector, state] of this.#dirty) {
      if (!state.isForgotten && random.next() < kept) continue;
      this.#bytes.set(state.durable, sector * SECTOR_BYTES);
    }
    this.#dirty.clear();
    if (random.next() >= kept) this.#size = this.#durableSize;
    this.#durableSize = this.#size;
  }

  #sectorsOf(write: InFlightWrite): Iterable<number> {
    return sectorsOf(write.position, write.position + write.before.length);
  }

  #markDirty(sector: number): void {
    const from = sector * SECTOR_BYTES;
    const durable = this.#bytes.slice(from, from + SECTOR_BYTES);
    this.#dirty.set(sector, { durable, isForgotten: false });
  }

  #forget(sector: number): void {
    const state = this.#dirty.get(sector);
    if (state !== undefined) state.isForgotten = true;
  }

  /** Room for whole sectors up to `end`. */
  #reserve(end: number): void {
    const needed = Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

function* sectorsOf(from: number, to: number): Iterable<number> {
  const first = Math.floor(from / SECTOR_BYTES);
  for (let sector = first; sector * SECTOR_BYTES < to; sector++) yield sector;
}
