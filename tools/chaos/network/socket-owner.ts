import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * Finds which of some processes holds the TCP socket that is bound to a port of 127.0.0.1 at its
 * own end: the kernel's table names the socket, and the open files of a process name theirs. Linux
 * only.
 *
 * Nodes that come back are called by everybody at once. Those calls share one look, which is a few
 * milliseconds; a look for each would hold connections up for longer than callers wait.
 */
export class SocketOwners {
  #wanted: { readonly port: number; readonly found: (pid: number | undefined) => void }[] = [];
  readonly #pids: () => Iterable<number>;

  constructor(pids: () => Iterable<number>) {
    this.#pids = pids;
  }

  /** The process; `undefined` when none holds it, or does no longer. */
  ownerOf(port: number): Promise<number | undefined> {
    return new Promise((found) => {
      this.#wanted.push({ port, found });
      if (this.#wanted.length === 1) setImmediate(() => this.#look());
    });
  }

  #look(): void {
    const wanted = this.#wanted;
    this.#wanted = [];
    const inodes = inodesOf(new Set(wanted.map(({ port }) => hexPort(port))));
    const owners = ownersOf(new Set([...inodes.values()].map(linkTo)), this.#pids());
    for (const { port, found } of wanted) {
      const inode = inodes.get(hexPort(port));
      found(inode === undefined ? undefined : owners.get(linkTo(inode)));
    }
  }
}

const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
const linkTo = (inode: string): string => `socket:[${inode}]`;

/** The sockets at these ports. */
function inodesOf(ports: ReadonlySet<string>): Map<string, string> {
  const inodes = new Map<string, string>();
  for (const [table, address] of [
    ["/proc/net/tcp", "0100007F"],
    ["/proc/net/tcp6", "0000000000000000FFFF00000100007F"],
  ] as const) {
    for (const line of readFileSync(table, "latin1").split("\n")) {
      const fields = line.trim().split(/\s+/);
      const [local, port] = fields[1]?.split(":") ?? [];
      const inode = fields[9];
      if (local !== address || port === undefined || !ports.has(port)) continue;
      if (inode !== undefined && inode !== "0") inodes.set(port, inode);
    }
  }
  return inodes;
}

/** Which of the processes has which of these open. */
function ownersOf(links: ReadonlySet<string>, pids: Iterable<number>): Map<string, number> {
  const owners = new Map<string, number>();
  for (const pid of pids) {
    const names = unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
    for (const name of names) {
      const link = unlessGone(() => readlinkSync(`/proc/${pid}/fd/${name}`));
      if (link !== undefined && links.has(link)) owners.set(link, pid);
    }
    if (owners.size === links.size) break;
  }
  return owners;
}

/** Processes end, and files are closed, while they are looked at. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}
