import { readdir, readFile, readlink } from "node:fs/promises";

/**
 * Which of these processes holds the TCP socket bound to this port of 127.0.0.1 at its own end:
 * the kernel's table names the socket, and the open files of a process name theirs. `undefined`
 * when none does, or does no longer. Linux only.
 */
export async function ownerOfPort(
  port: number,
  pids: Iterable<number>,
): Promise<number | undefined> {
  const inode = await inodeOfPort(port);
  if (inode === undefined) return undefined;
  for (const pid of pids) {
    if (await holds(pid, `socket:[${inode}]`)) return pid;
  }
  return undefined;
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");

async function inodeOfPort(port: number): Promise<string | undefined> {
  for (const [table, local] of [
    ["/proc/net/tcp", `0100007F:${hexPort(port)}`],
    ["/proc/net/tcp6", `0000000000000000FFFF00000100007F:${hexPort(port)}`],
  ] as const) {
    for (const line of (await readFile(table, "latin1")).split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[1] === local && fields[9] !== "0") return fields[9];
    }
  }
  return undefined;
}

async function holds(pid: number, link: string): Promise<boolean> {
  try {
    for (const name of await readdir(`/proc/${pid}/fd`)) {
      if ((await linkOf(`/proc/${pid}/fd/${name}`)) === link) return true;
    }
  } catch (error) {
    if (!isGone(error)) throw error; // the process ended meanwhile
  }
  return false;
}

async function linkOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (isGone(error)) return undefined; // closed meanwhile
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ESRCH";
}
