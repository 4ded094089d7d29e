import type { FileHandle, FileSystem, OpenFileOptions } from "@d-engine/storage/internal";

/** A file system of one process and one moment: what is written is there, and nothing ever fails. */
export class MemoryFiles implements FileSystem {
  readonly files: Map<string, Uint8Array>;

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.files = new Map([...files].map(([path, bytes]) => [path, Uint8Array.from(bytes)]));
  }

  async open(path: string, { access }: OpenFileOptions): Promise<FileHandle> {
    if (access === "create") this.files.set(path, new Uint8Array(0));
    else if (!this.files.has(path)) throw missing(path);
    const bytes = (): Uint8Array => this.files.get(path) ?? new Uint8Array(0);
    return {
      read: async (target, targetOffset, length, position) => {
        const found = bytes().subarray(position, position + length);
        target.set(found, targetOffset);
        return found.length;
      },
      write: async (source, start, end, position) => {
        const length = Math.max(bytes().length, position + end - start);
        const written = new Uint8Array(length);
        written.set(bytes());
        written.set(source.subarray(start, end), position);
        this.files.set(path, written);
      },
      sync: async () => undefined,
      close: async () => undefined,
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const bytes = this.files.get(from);
    if (bytes === undefined) throw missing(from);
    this.files.delete(from);
    this.files.set(to, bytes);
  }

  async unlink(path: string): Promise<void> {
    if (!this.files.delete(path)) throw missing(path);
  }

  async readdir(path: string): Promise<readonly string[]> {
    const inside = [...this.files.keys()].filter((name) => name.startsWith(`${path}/`));
    return [...new Set(inside.map((name) => name.slice(path.length + 1).split("/", 1)[0] ?? ""))];
  }

  async mkdir(): Promise<void> {
    // A directory is there as soon as a file is in it.
  }

  async stat(path: string) {
    const bytes = this.files.get(path)?.length;
    if (bytes !== undefined) return { kind: "file", bytes } as const;
    const isDirectory = [...this.files.keys()].some((name) => name.startsWith(`${path}/`));
    return isDirectory ? ({ kind: "directory", bytes: 0 } as const) : undefined;
  }

  async syncDirectory(): Promise<void> {
    // Nothing is lost here.
  }

  async lock() {
    return { kind: "locked", lock: { release: async () => undefined } } as const;
  }
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
}
