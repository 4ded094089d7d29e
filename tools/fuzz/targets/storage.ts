import { type Entry, isEngineError, type LogIndex, type Term } from "@d-engine/core";
import { nodeFileStorage } from "@d-engine/storage";
import { readDataRecords } from "@d-engine/storage/internal";
import { MemoryFiles } from "../memory-files.js";
import { type FuzzTarget, MeaningLost } from "../target.js";

const directory = "/data";
const tuning = { segmentBytes: 4096, batchBytesMax: 1024, spareSegmentsMax: 0, sealAfterMs: 1 };

const identity = {
  clusterId: "ab".repeat(16),
  nodeId: 1,
  instanceId: "cd".repeat(16),
  joinedAt: 0,
  bootstrap: {
    logId: { term: 0, index: 0 },
    members: [{ id: 1, address: "n:1", status: "active" }],
    outgoingVoters: undefined,
  },
};

function openIn(files: MemoryFiles) {
  return nodeFileStorage(directory, { ...tuning, fileSystem: files }).open({
    createIdentity: () => identity as never,
  });
}

/** Opens what is there, reads every entry, and closes it. */
async function readAll(files: MemoryFiles): Promise<void> {
  const { log, close } = await opened(files);
  try {
    const { base, last } = log.recovered;
    for (let next = base.index + 1; next <= last.index; ) {
      const piece = await log.read(next as LogIndex, (last.index + 1) as LogIndex, 64 * 1024);
      if (piece.length === 0) throw new TypeError(`the log has no entry ${next}, but a later one`);
      for (const entry of piece) checkEntry(entry);
      next += piece.length;
    }
  } finally {
    await close();
  }
}

/** Damage may cost the end of a log, or the whole of it, but never makes another entry. */
function checkEntry({ index, payload }: Entry): void {
  if (payload.kind === "command" && payload.command.every((byte) => byte === index)) return;
  throw new MeaningLost(`entry ${index} is another than was written`);
}

async function opened(files: MemoryFiles) {
  const storage = await openIn(files);
  storage.log.start({
    persisted: () => undefined,
    failed: () => undefined,
    room: () => undefined,
  });
  return { log: storage.log, close: () => storage.close() };
}

/** A directory with a vote, entries in three segments, and entries that were replaced. */
async function exampleFiles(): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const storage = await openIn(files);
  let batch = 0;
  const persisted = new Map<number, () => void>();
  storage.log.start({
    persisted: (upTo) => {
      for (const [at, resolve] of persisted) if (at <= upTo) resolve();
    },
    failed: () => undefined,
    room: () => undefined,
  });
  const write = (term: number, from: number, to: number, bytes: number): Promise<void> => {
    batch += 1;
    const entries = Array.from({ length: to - from }, (_, at) => ({
      index: from + at,
      term,
      payload: { kind: "command", command: new Uint8Array(bytes).fill(from + at) },
    }));
    const done = new Promise<void>((resolve) => persisted.set(batch, resolve));
    storage.log.write({
      batch,
      hardState: { term: term as Term, votedFor: 1 },
      reset: undefined,
      entries,
      commitIndex: Math.max(0, from - 2),
    } as never);
    return done;
  };
  await write(1, 1, 4, 200);
  for (let from = 4; from < 22; from += 3) await write(1, from, from + 3, 150);
  await write(2, 20, 24, 80);
  await storage.close();
  return files;
}

const example = exampleFiles();

async function fileOf(part: RegExp, which: "first" | "last"): Promise<string> {
  // The newest of all is held ready and has nothing in it yet.
  const isUsed = (bytes: Uint8Array): boolean => bytes.some((byte) => byte !== 0);
  const used = [...(await example).files].filter(([, bytes]) => isUsed(bytes));
  const names = used.flatMap(([name]) => (part.test(name) ? [name] : [])).sort();
  const name = which === "first" ? names[0] : names.at(-1);
  if (name === undefined) throw new Error(`the example has no file like ${part}`);
  return name;
}

/** One file of a data directory is replaced by the input, the others are as they were. */
function fileTarget(name: string, part: RegExp, which: "first" | "last"): FuzzTarget {
  return {
    name: `storage/${name}`,
    shortRun: 150,
    samples: async () => {
      const bytes = (await example).files.get(await fileOf(part, which));
      return bytes === undefined ? [] : [bytes];
    },
    run: async (bytes) => {
      const files = new MemoryFiles((await example).files);
      files.files.set(await fileOf(part, which), bytes);
      await readAll(files);
    },
    // With the code and the way out that people are given; anything else would be a stack trace.
    isRefusal: (error) =>
      isEngineError(error, "DATA_CORRUPTION") || isEngineError(error, "VERSION_MISMATCH"),
  };
}

const batchHeaderBytes = 64;

export const storageTargets: readonly FuzzTarget[] = [
  fileTarget("first-segment", /\.log$/, "first"),
  fileTarget("newest-segment", /\.log$/, "last"),
  fileTarget("identity", /identity\.json$/, "first"),
  {
    // Behind the checksum, which lets hardly anything through: what a bug of ours could write.
    name: "storage/records",
    samples: async () => {
      const segments = [...(await example).files].filter(([name]) => /\/log\//.test(name));
      return segments.flatMap(([, bytes]) =>
        [1024, 1536, 2048].map((at) => bytes.subarray(at, at + 512)),
      );
    },
    run: (bytes) => {
      const payloadBytes = Math.max(0, bytes.length - batchHeaderBytes);
      const batch = bytes.length < batchHeaderBytes ? new Uint8Array(batchHeaderBytes) : bytes;
      readDataRecords(batch, payloadBytes);
    },
    isRefusal: () => false,
  },
];
