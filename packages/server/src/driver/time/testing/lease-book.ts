import type { ExpireCommand, LeaseDeadline } from "@d-engine/codec";
import type { TimedStore, UpkeepCommand } from "../timed-store.js";

const leasesPerCommand = 256;

/** A store of leases alone, in their order, and what a log of upkeep commands makes of it. */
export class LeaseBook implements TimedStore {
  revision = 0;
  oldestRevision = 1;
  /** What `compactionDue` answers. */
  wantsCompaction: number | undefined;
  /** Leases that ended, in the order of the log. */
  readonly ended: number[] = [];
  readonly #deadlines = new Map<number, number>();

  get leaseCount(): number {
    return this.#deadlines.size;
  }

  grant(id: number, deadlineMs: number): void {
    this.#deadlines.set(id, deadlineMs);
  }

  expiredAt(nowMs: number, after?: LeaseDeadline): ExpireCommand | undefined {
    const due = [...this.#deadlines]
      .map(([id, deadlineMs]) => ({ id, deadlineMs }))
      .filter((lease) => lease.deadlineMs <= nowMs && isBehind(lease, after))
      .sort((a, b) => a.deadlineMs - b.deadlineMs || a.id - b.id)
      .slice(0, leasesPerCommand);
    return due.length === 0 ? undefined : { kind: "expire", leases: due };
  }

  compactionDue(): number | undefined {
    return this.wantsCompaction;
  }

  apply(command: UpkeepCommand): void {
    if (command.kind === "compact") this.oldestRevision = command.revision;
    if (command.kind !== "expire") return;
    for (const { id, deadlineMs } of command.leases) {
      if (this.#deadlines.get(id) !== deadlineMs) continue;
      this.#deadlines.delete(id);
      this.ended.push(id);
    }
  }
}

function isBehind(lease: LeaseDeadline, after: LeaseDeadline | undefined): boolean {
  if (after === undefined) return true;
  const difference = lease.deadlineMs - after.deadlineMs || lease.id - after.id;
  return difference > 0;
}
