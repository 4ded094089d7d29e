import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  encodeConfigurationRecord,
  encodePut,
  encodeSnapshotMeta,
  encodeSnapshotRecords,
  Slab,
  SnapshotDecoder,
} from "@d-engine/codec";
import { isEngineError, SNAPSHOT_NAMESPACE } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { inspectSnapshot, restoreBackup, verifyBackup } from "@d-engine/server";
import type { FuzzTarget } from "../target.js";
import { isCodecRefusal } from "./codec.js";

function isDamage(error: unknown): boolean {
  return isEngineError(error, "DATA_CORRUPTION") || isEngineError(error, "VERSION_MISMATCH");
}

/** A store with values, an overwritten one, a deleted one, and its members. */
function exampleSnapshot(): Uint8Array {
  const store = new KvStateMachine();
  const slab = new Slab();
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (let index = 1; index <= 12; index += 1) {
    const command = encodePut(slab, bytes(`key-${index % 7}`), bytes(`value ${index}`));
    store.apply(index as never, command);
  }
  const members = [{ id: 1, address: "n:1", status: "active" }];
  const configuration = { logId: { term: 0, index: 0 }, members, outgoingVoters: undefined };
  const parts = [
    encodeSnapshotMeta({
      createdAtMs: 1_700_000_000_000,
      authorId: 1 as never,
      lastIncluded: { term: 2, index: 12 } as never,
    }),
    encodeSnapshotRecords([
      {
        key: Uint8Array.of(SNAPSHOT_NAMESPACE.configuration),
        value: encodeConfigurationRecord(configuration as never),
      },
    ]),
  ];
  const snapshot = store.snapshot();
  for (let records = snapshot.next(256); records.length > 0; records = snapshot.next(256)) {
    parts.push(encodeSnapshotRecords(records));
  }
  snapshot.release();
  return Buffer.concat(parts);
}

/** The file in pieces of an odd size, so that every frame is cut somewhere. */
function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

let directory: string | undefined;

export const snapshotTargets: readonly FuzzTarget[] = [
  {
    name: "snapshot/decoder",
    samples: () => [exampleSnapshot()],
    run: (bytes) => {
      const decoder = new SnapshotDecoder();
      for (const piece of pieces(bytes, 61)) decoder.push(piece);
      decoder.end();
    },
    isRefusal: isCodecRefusal,
  },
  {
    name: "snapshot/inspect",
    samples: () => [exampleSnapshot()],
    run: (bytes) => inspectSnapshot(pieces(bytes, 1_000)),
    isRefusal: isDamage,
  },
  {
    name: "snapshot/state",
    samples: () => [exampleSnapshot()],
    run: (bytes) => {
      const store = new KvStateMachine();
      const restoration = store.restore();
      const decoder = new SnapshotDecoder();
      for (const { key, value } of decoder.push(bytes)) {
        if ((key[0] ?? 0) >= SNAPSHOT_NAMESPACE.stateMachineFrom) restoration.add({ key, value });
      }
      decoder.end();
      restoration.finish(12 as never);
      // What was believed can be used.
      store.apply(13 as never, encodePut(new Slab(), Uint8Array.of(1), Uint8Array.of(2)));
      const snapshot = store.snapshot();
      while (snapshot.next(4_096).length > 0);
      snapshot.release();
    },
    isRefusal: (error) => isDamage(error) || isCodecRefusal(error),
  },
  {
    name: "snapshot/restore-backup",
    samples: () => [exampleSnapshot()],
    run: async (bytes) => {
      const members = [{ id: 1, address: "n:1", status: "active" }] as never;
      let total = 0;
      for await (const piece of restoreBackup(pieces(bytes, 500), { members }))
        total += piece.length;
      return total;
    },
    isRefusal: isDamage,
  },
  {
    name: "snapshot/backup-file",
    open: () => {
      directory = mkdtempSync(join(tmpdir(), "fuzz-backup-"));
    },
    close: () => {
      if (directory !== undefined) rmSync(directory, { recursive: true });
    },
    samples: async () => {
      const { createHash } = await import("node:crypto");
      const snapshot = exampleSnapshot();
      const value = createHash("sha256").update(snapshot).digest();
      const key = Uint8Array.of(SNAPSHOT_NAMESPACE.backupSeal);
      return [Buffer.concat([snapshot, encodeSnapshotRecords([{ key, value }])])];
    },
    run: async (bytes) => {
      const path = join(directory ?? "", "backup");
      writeFileSync(path, bytes);
      await verifyBackup(path);
    },
    isRefusal: isDamage,
  },
];
