import { readFileSync } from "node:fs";

/** Linux counts in hundredths of a second, whatever the clock of the machine. */
const microsPerTick = 10_000;

/**
 * CPU time that these processes have used so far, in microseconds, all threads; `undefined` where
 * the system does not tell.
 */
export function cpuMicros(pids: readonly number[]): number | undefined {
  try {
    return pids.reduce((sum, pid) => sum + ticksOf(pid) * microsPerTick, 0);
  } catch {
    return undefined; // no /proc, or a process that has ended: the load will say so
  }
}

function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name in parentheses may hold anything; user and system time are 11 fields behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
