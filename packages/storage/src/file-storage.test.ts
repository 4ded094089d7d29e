import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeFileStorage, openFileStorage } from "./node/open-file-storage.js";
import { commandEntries, LogSession, openOptions, testIdentity } from "./testing/log-session.js";

describe("nodeFileStorage", () => {
  it.each([
    { segmentBytes: 1000 },
    { segmentBytes: 4096 + 1 },
    { segmentBytes: 2 ** 31 },
    { batchBytesMax: 100 },
    { sealAfterMs: 0 },
    { spareSegmentsMax: -1 },
    { snapshotsKept: 0 },
    { snapshotsKept: 1001 },
    { segmentBytes: Number.NaN },
  ])(
    "refuses $segmentBytes $batchBytesMax $sealAfterMs $spareSegmentsMax $snapshotsKept",
    (tuning) => {
      const [name] = Object.keys(tuning);
      expect(() => nodeFileStorage("/tmp/x", tuning)).toThrow(
        expect.objectContaining({
          code: "INVALID_REQUEST",
          message: expect.stringMatching(new RegExp(`^${name} must be .* from .* to .*, got `)),
        }),
      );
    },
  );

  it("names every bad option at once", () => {
    expect(() => nodeFileStorage("/tmp/x", { segmentBytes: 1, sealAfterMs: -1 })).toThrow(
      /segmentBytes.*; sealAfterMs/,
    );
  });
});

describe("openFileStorage", () => {
  let parent: string;

  beforeEach(async () => {
    parent = await fs.mkdtemp(path.join(os.tmpdir(), "d-engine-storage-"));
  });

  afterEach(() => fs.rm(parent, { recursive: true }));

  it("serves a relative path below a directory that does not exist yet", async () => {
    const directory = path.relative(process.cwd(), path.join(parent, "not", "yet"));
    const tuning = { segmentBytes: 64 * 1024 };
    const session = new LogSession(
      await openFileStorage(directory, { ...tuning, ...openOptions() }),
    );
    await session.persist({ entries: commandEntries(1, 10) });
    await session.opened.close();
    const again = await openFileStorage(directory, { ...tuning, ...openOptions() });
    expect(again.identity).toEqual(testIdentity);
    expect(again.log.recovered.last.index).toBe(9);
    await again.close();
  });

  it("refuses a path that is a file", async () => {
    const file = path.join(parent, "file");
    await fs.writeFile(file, "hello");
    await expect(openFileStorage(file, openOptions())).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringContaining(file),
    });
  });

  it("leaves no descriptor open", async () => {
    const before = await openDescriptors();
    for (let round = 0; round < 3; round++) {
      const opened = await openFileStorage(path.join(parent, "data"), {
        segmentBytes: 64 * 1024,
        ...openOptions(),
      });
      await opened.close();
    }
    await expect(openFileStorage(parent, openOptions())).rejects.toThrow();
    expect(await openDescriptors()).toBe(before);
  });
});

/** Descriptors of files and sockets; 0 where the system does not tell. */
async function openDescriptors(): Promise<number> {
  if (process.platform !== "linux") return 0;
  return (await fs.readdir("/proc/self/fd")).length;
}
