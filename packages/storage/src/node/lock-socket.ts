import * as fs from "node:fs/promises";
import * as net from "node:net";
import type { DirectoryLock } from "../file-system.js";
import { errnoOf } from "../storage-errors.js";

/** Our own listening socket in a lock directory; see `directory-lock.ts`. */
export class LockSocket implements DirectoryLock {
  readonly #directory: fs.FileHandle | undefined;
  readonly #base: string;
  readonly #id: string;
  readonly #connections = new Set<net.Socket>();
  readonly #server = net.createServer((socket) => this.#accept(socket));
  #isHeld = false;
  #released: Promise<void> | undefined;

  private constructor(directory: fs.FileHandle | undefined, base: string, id: string) {
    this.#directory = directory;
    this.#base = base;
    this.#id = id;
  }

  /** Listens as `id` in `directory`, visible to others from its first accepted connection on. */
  static async publish(directory: string, id: string): Promise<LockSocket> {
    const handle = process.platform === "linux" ? await fs.open(directory, "r") : undefined;
    // A socket's path may have some 100 bytes; through the descriptor it is short everywhere.
    const base = handle === undefined ? directory : `/proc/self/fd/${handle.fd}`;
    const own = new LockSocket(handle, base, id);
    try {
      await own.#listen(own.pathOf(`${id}.tmp`));
      await fs.rename(own.pathOf(`${id}.tmp`), own.pathOf(id));
      return own;
    } catch (error) {
      await own.withdraw();
      throw error;
    }
  }

  /** The path of another socket in the same directory. */
  pathOf(name: string): string {
    return `${this.#base}/${name}`;
  }

  /** Tells everyone who asks, and those who wait, that the lock is taken. */
  hold(): void {
    this.#isHeld = true;
    for (const socket of this.#connections) socket.write("held\n");
  }

  /** Goes away without having had the lock. */
  withdraw(): Promise<void> {
    return this.release();
  }

  release(): Promise<void> {
    this.#released ??= this.#close();
    return this.#released;
  }

  #accept(socket: net.Socket): void {
    socket.unref();
    this.#connections.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#connections.delete(socket));
    socket.write(`${process.pid}\n`);
    if (this.#isHeld) socket.write("held\n");
  }

  #listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      // `exclusive`: in a worker of `node:cluster` the primary would listen, and outlive us.
      this.#server.listen({ path, exclusive: true }, () => {
        this.#server.off("error", reject);
        this.#server.unref();
        resolve();
      });
    });
  }

  async #close(): Promise<void> {
    await this.#remove();
    for (const socket of this.#connections) socket.destroy();
    if (this.#server.listening) {
      await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    }
    await this.#directory?.close();
  }

  async #remove(): Promise<void> {
    try {
      await fs.unlink(this.pathOf(this.#id));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
    }
  }
}
