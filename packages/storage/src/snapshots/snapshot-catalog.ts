import type { LogId, SnapshotLabel } from "@d-engine/core";
import { errnoOf, isNoSpace, naming } from "../storage-errors.js";
import { writeChecksum } from "./checksum-file.js";
import type { SnapshotContext } from "./snapshot-context.js";
import { noRoom } from "./snapshot-errors.js";
import { checksumName, snapshotName } from "./snapshot-name.js";

/**
 * The complete snapshots of a directory: makes them so, and removes those that retention does not
 * want any more and nobody has open. One change of the directory after the other.
 */
export class SnapshotCatalog {
  readonly #context: SnapshotContext;
  /** Oldest first. */
  #complete: SnapshotLabel[];
  /** How often each is open, by name; those that are not open have no entry. */
  readonly #holds = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: SnapshotContext, complete: readonly SnapshotLabel[]) {
    this.#context = context;
    this.#complete = [...complete].sort((a, b) => order(a.lastIncluded, b.lastIncluded));
  }

  get retained(): readonly SnapshotLabel[] {
    return [...this.#complete];
  }

  get newest(): SnapshotLabel | undefined {
    return this.#complete.at(-1);
  }

  find(lastIncluded: LogId): SnapshotLabel | undefined {
    return this.#complete.find((label) => order(label.lastIncluded, lastIncluded) === 0);
  }

  /** Keeps a snapshot on the disk until as many calls of `release`. */
  hold({ lastIncluded }: SnapshotLabel): void {
    const name = snapshotName(lastIncluded);
    this.#holds.set(name, (this.#holds.get(name) ?? 0) + 1);
  }

  release({ lastIncluded }: SnapshotLabel): Promise<void> {
    const name = snapshotName(lastIncluded);
    const count = (this.#holds.get(name) ?? 1) - 1;
    if (count > 0) this.#holds.set(name, count);
    else this.#holds.delete(name);
    return this.removeSurplus();
  }

  /**
   * Gives the synced file at `path` its place, durably. One that is complete under the same
   * position stays, whatever it holds byte by byte: somebody may be reading it, and it is the
   * same state.
   */
  publish(path: string, label: SnapshotLabel): Promise<SnapshotLabel> {
    return this.#inTurn(async () => {
      const { directory, fileSystem } = this.#context;
      const { lastIncluded } = label;
      const known = this.find(lastIncluded);
      if (known !== undefined) {
        await removeFile(this.#context, path);
        return known;
      }
      await this.#withRoom(() => writeChecksum(this.#context, lastIncluded, label.checksum));
      const target = `${directory}/${snapshotName(lastIncluded)}`;
      await this.#withRoom(() => fileSystem.rename(path, target));
      await fileSystem.syncDirectory(directory);
      this.#complete.push(label);
      this.#complete.sort((a, b) => order(a.lastIncluded, b.lastIncluded));
      await this.#removeOlderThan(this.#context.snapshotsKept);
      return label;
    });
  }

  /** Removes what is beyond the number to keep. */
  removeSurplus(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#removeOlderThan(this.#context.snapshotsKept);
    });
  }

  /**
   * Runs an operation that takes room. When there is none, all snapshots but the newest make way
   * and it runs once more; then it rejects with `DISK_FULL` (rule R10).
   */
  withRoom<T>(operation: () => Promise<T>): Promise<T> {
    return this.#retrying(operation, () => this.#inTurn(() => this.#removeOlderThan(1)));
  }

  /** The same within a turn. */
  #withRoom<T>(operation: () => Promise<T>): Promise<T> {
    return this.#retrying(operation, () => this.#removeOlderThan(1));
  }

  async #retrying<T>(operation: () => Promise<T>, makeRoom: () => Promise<number>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      if ((await makeRoom()) === 0) throw noRoom(this.#context.directory, error);
    }
    try {
      return await operation();
    } catch (error) {
      throw isNoSpace(error) ? noRoom(this.#context.directory, error) : error;
    }
  }

  /** Removes all but the newest `kept` and those that are open; gives their number. */
  async #removeOlderThan(kept: number): Promise<number> {
    const older = this.#complete.slice(0, -kept);
    const removed = older.filter(
      ({ lastIncluded }) => !this.#holds.has(snapshotName(lastIncluded)),
    );
    this.#complete = this.#complete.filter((label) => !removed.includes(label));
    for (const { lastIncluded } of removed) await removeSnapshot(this.#context, lastIncluded);
    return removed.length;
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task);
    // Its caller hears of a failure; the next in line is not concerned.
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/**
 * The content goes first, durably: without its checksum it would look damaged, while a checksum
 * alone says nothing.
 */
async function removeSnapshot(context: SnapshotContext, lastIncluded: LogId): Promise<void> {
  const { directory, fileSystem } = context;
  const path = `${directory}/${snapshotName(lastIncluded)}`;
  await removeFile(context, path);
  await naming("syncing", directory, () => fileSystem.syncDirectory(directory));
  await removeFile(context, `${directory}/${checksumName(lastIncluded)}`);
}

/** Removes a file if it is there. */
export async function removeFile({ fileSystem }: SnapshotContext, path: string): Promise<void> {
  await naming("removing", path, async () => {
    try {
      await fileSystem.unlink(path);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  });
}

/** Positions of committed entries: terms never fall as indexes grow. */
function order(a: LogId, b: LogId): number {
  return a.index - b.index || a.term - b.term;
}
