import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import * as net from "node:net";
import type { DirectoryLock, LockOutcome } from "../file-system.js";
import { errnoOf } from "../storage-errors.js";
import { askOwner } from "./lock-inquiry.js";
import { LockSocket } from "./lock-socket.js";

/**
 * Takes a directory by listening on a Unix socket in it. Node has no `flock`; of what it has, this
 * alone ends with the process however that ends (`kill -9`), cannot be mistaken for another
 * process as a pid can, and works between containers that share the directory: an abstract socket
 * is invisible in another network namespace, a pid means nothing in another pid namespace. It does
 * not work between machines: a data directory belongs on a local disk.
 *
 * Everyone listens under a name of its own, drawn at random and never used again, and *then* looks
 * for others. So a stale name can be removed without a race: whoever refuses connections is dead
 * for good. Of two who start at once, the later one to appear sees the earlier one; if both see
 * each other, the higher name withdraws, and the lower one waits for that:
 *
 *     1. listen as `<id>.tmp`, rename to `<id>` (between bind and listen a socket looks dead)
 *     2. ask every other `<id>`: refused: dead, remove; answers: it lives
 *     3. a living one with a lower id: withdraw. With a higher id: wait until it says that it
 *        holds the lock (withdraw) or goes away (go on)
 *     4. nobody else lives: the lock is ours
 */
export async function lockDirectory(directory: string): Promise<LockOutcome> {
  if (process.platform === "win32") return lockPipe(directory);
  const id = randomBytes(8).toString("hex");
  const own = await LockSocket.publish(directory, id);
  try {
    for (const name of await fs.readdir(directory)) {
      if (name === id || !socketName.test(name)) continue;
      const answer = await askOwner(own.pathOf(name), id < name);
      if (answer.kind === "held") {
        await own.withdraw();
        return answer;
      }
      if (answer.kind === "dead") await removeIfThere(own.pathOf(name));
    }
    own.hold();
    await removeLeftovers(directory);
    return { kind: "locked", lock: own };
  } catch (error) {
    await own.withdraw();
    throw error;
  }
}

/** Sockets of starts that died before they were listening; their owners lost in any case. */
async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await fs.readdir(directory)) {
    if (name.endsWith(".tmp")) await removeIfThere(`${directory}/${name}`);
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** Windows ends a named pipe with its process, and lets one process alone have the name. */
async function lockPipe(directory: string): Promise<LockOutcome> {
  const real = (await fs.realpath(directory)).toLowerCase();
  const name = createHash("sha256").update(real).digest("hex").slice(0, 32);
  const server = net.createServer((socket) => socket.end(`${process.pid}\n`));
  const outcome = await new Promise<"locked" | "held">((resolve, reject) => {
    server.once("error", (error) => {
      if (errnoOf(error) === "EADDRINUSE") resolve("held");
      else reject(error);
    });
    server.listen({ path: `\\\\.\\pipe\\d-engine-${name}`, exclusive: true }, () => {
      resolve("locked");
    });
  });
  if (outcome === "held") return { kind: "held", holder: undefined };
  server.unref();
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  const lock: DirectoryLock = {
    release: () => {
      server.close();
      return closed;
    },
  };
  return { kind: "locked", lock };
}

const socketName = /^[0-9a-f]{16}$/;
