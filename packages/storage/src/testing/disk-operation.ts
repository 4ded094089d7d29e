import { invariant } from "@d-engine/core";

/** One operation on the disk, as faults and schedules see it. */
export interface DiskOperation {
  readonly kind:
    | "open"
    | "read"
    | "write"
    | "sync"
    | "close"
    | "rename"
    | "unlink"
    | "readdir"
    | "mkdir"
    | "stat"
    | "syncDirectory"
    | "lock";
  readonly path: string;
  /** Bytes read or written; 0 for the rest. */
  readonly bytes: number;
}

/** The error of a system call, as `FileSystem` rejects with it. */
export function diskError(errno: string, path: string): Error {
  invariant(/^E[A-Z0-9]+$/.test(errno), `'${errno}' is not the name of a system error`);
  return Object.assign(new Error(`${errno}: ${path}`), { code: errno });
}
