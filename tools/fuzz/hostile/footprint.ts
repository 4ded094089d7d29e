import { readdirSync, readlinkSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What a process holds. */
export interface Footprint {
  /** Open sockets; 0 where the system does not show them. */
  readonly sockets: number;
  /** Bytes in use after a collection of garbage, outside of the heap too. */
  readonly memoryBytes: number;
}

export function footprint(): Footprint {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return { sockets: openSockets(), memoryBytes: heapUsed + external };
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function openSockets(): number {
  try {
    return readdirSync("/proc/self/fd").filter(isSocket).length;
  } catch {
    return 0;
  }
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
  } catch {
    return false; // closed meanwhile
  }
}
