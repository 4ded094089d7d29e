import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";

const sectorBytes = 512;
const segmentBytesMin = 1024 * 1024;

/**
 * Blanks the last `bytes` that were written to the log: what a disk does that says "synced" and
 * forgets. Returns where. The crash test must find what this loses, or it would find nothing.
 */
export async function forgetLogTail(dataDir: string, bytes: number): Promise<string> {
  for (const path of (await logFiles(dataDir)).reverse()) {
    const file = await open(path, "r+");
    try {
      const end = await writtenEnd(file);
      if (end <= sectorBytes) continue; // prepared, not written yet
      const from = Math.max(sectorBytes, end - bytes);
      await file.write(Buffer.alloc(end - from), 0, end - from, from);
      await file.sync();
      return `${path}, ${from} to ${end}`;
    } finally {
      await file.close();
    }
  }
  throw new Error(`no log was found in ${dataDir}`);
}

/** Segments are large from the start; everything else in a young data directory is small. */
async function logFiles(dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isFile()) continue;
    const file = await open(path, "r");
    try {
      if ((await file.stat()).size >= segmentBytesMin) found.push(path);
    } finally {
      await file.close();
    }
  }
  return found.sort();
}

/** The end of the last sector that is not all zeros. */
async function writtenEnd(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const chunk = Buffer.alloc(1024 * 1024);
  const zeros = Buffer.alloc(sectorBytes);
  for (
    let start = size - (size % chunk.length || chunk.length);
    start >= 0;
    start -= chunk.length
  ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, start);
    for (let at = bytesRead - sectorBytes; at >= 0; at -= sectorBytes) {
      if (chunk.compare(zeros, 0, sectorBytes, at, at + sectorBytes) !== 0) {
        return start + at + sectorBytes;
      }
    }
  }
  return 0;
}
