import type { OpenedStorage, SnapshotLabel, SnapshotStore, SnapshotWriter } from "@d-engine/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sameBytes } from "../sha256.js";
import type { LogStoreFixture } from "./contract-tools.js";
import { openOptions } from "./log-session.js";
import { contentIn, contentOf, createSnapshot, idAt } from "./snapshot-content.js";

/**
 * The contract of `SnapshotStore`, for vitest: every storage that has snapshots must pass it, with
 * two of them kept.
 */
export function describeSnapshotStore(name: string, make: () => Promise<LogStoreFixture>): void {
  describe(`${name} as a snapshot store`, () => {
    let fixture: LogStoreFixture;
    let opened: OpenedStorage | undefined;

    beforeEach(async () => {
      fixture = await make();
      opened = undefined;
    });

    afterEach(async () => {
      await opened?.close();
      await fixture.dispose();
    });

    async function open(): Promise<SnapshotStore> {
      opened = await fixture.storage().open(openOptions());
      return opened.snapshots!;
    }

    async function restart(): Promise<SnapshotStore> {
      await opened?.close();
      return open();
    }

    const tools: SnapshotTools = {
      open,
      restart,
      fixture: () => fixture,
      forget: () => {
        opened = undefined;
      },
    };
    describeCreating(tools);
    describeReceiving(tools);
    describeRetention(tools);
  });
}

interface SnapshotTools {
  open(): Promise<SnapshotStore>;
  restart(): Promise<SnapshotStore>;
  fixture(): LogStoreFixture;
  /** The storage ended by itself. */
  forget(): void;
}

function describeCreating({ open, restart, fixture, forget }: SnapshotTools): void {
  it("has none when it is new", async () => {
    const store = await open();
    expect(store.newest).toBeUndefined();
    expect(store.retained).toEqual([]);
    await expect(store.open(idAt(1))).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  it("keeps what was written, piece by piece, over a restart", async () => {
    const store = await open();
    const content = contentOf(1, 700_000);
    const writer = await store.create(idAt(10, 3));
    for (let from = 0; from < content.length; from += 99_999) {
      await writer.write(content.subarray(from, from + 99_999));
      expect(writer.bytes).toBe(Math.min(content.length, from + 99_999));
    }
    expect(store.newest).toBeUndefined();
    const label = await writer.commit();
    expect(label).toMatchObject({ lastIncluded: idAt(10, 3), bytes: content.length });
    expect(label.checksum).toHaveLength(32);
    expect(store.newest).toEqual(label);
    const again = await restart();
    expect(again.retained).toEqual([label]);
    await expectContent(again, label, content);
  });

  it("keeps an empty one", async () => {
    const store = await open();
    const label = await (await store.create(idAt(1))).commit();
    expect(label.bytes).toBe(0);
    await expectContent(await restart(), label, new Uint8Array(0));
  });

  it("reads any part of it, fewer bytes at the end only", async () => {
    const store = await open();
    const content = contentOf(2, 1000);
    const label = await createSnapshot(store, idAt(5), content);
    const file = await store.open(label.lastIncluded);
    expect(file.label).toEqual(label);
    expect(await file.read(0, 10)).toEqual(content.slice(0, 10));
    expect(await file.read(900, 500)).toEqual(content.slice(900));
    expect(await file.read(1000, 10)).toEqual(new Uint8Array(0));
    const sizes: number[] = [];
    for await (const piece of file.pieces(300)) sizes.push(piece.length);
    expect(sizes).toEqual([300, 300, 300, 100]);
    await file.close();
    await file.close();
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("leaves nothing of what was given up or suspended", async () => {
    const store = await open();
    for (const end of ["abort", "suspend"] as const) {
      const writer = await store.create(idAt(7));
      await writer.write(contentOf(3, 100));
      await writer[end]();
      await writer[end]();
      await expect(writer.write(contentOf(3, 1))).rejects.toMatchObject({
        code: "INVALID_REQUEST",
      });
      await expect(writer.commit()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    }
    expect(store.retained).toEqual([]);
    expect((await restart()).retained).toEqual([]);
  });

  it("keeps the first one of a position: somebody may be reading it", async () => {
    const store = await open();
    const first = await createSnapshot(store, idAt(5), contentOf(4, 100));
    const second = await createSnapshot(store, idAt(5), contentOf(5, 200));
    expect(second).toEqual(first);
    await expectContent(await restart(), first, contentOf(4, 100));
  });

  it("loses nothing complete, and nothing else stays, when it ends without warning", async () => {
    const store = await open();
    const label = await createSnapshot(store, idAt(5), contentOf(6, 5000));
    const writer = await store.create(idAt(9));
    await writer.write(contentOf(7, 5000));
    const { crash } = fixture();
    if (crash === undefined) {
      await writer.abort();
      return;
    }
    crash();
    forget();
    const again = await open();
    expect(again.retained).toEqual([label]);
    await expectContent(again, label, contentOf(6, 5000));
  });

  it("takes nothing after it is closed", async () => {
    const store = await open();
    const label = await createSnapshot(store, idAt(5), contentOf(8, 10));
    await restart();
    await expect(store.create(idAt(6))).rejects.toMatchObject({ code: "CLOSED" });
    await expect(store.receive(label)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(store.open(label.lastIncluded)).rejects.toMatchObject({ code: "CLOSED" });
  });
}

function describeReceiving({ open, restart, fixture, forget }: SnapshotTools): void {
  const content = contentOf(20, 100_000);
  let label: SnapshotLabel;

  /** The label that a leader with this content would announce. */
  async function announced(store: SnapshotStore): Promise<SnapshotLabel> {
    const writer = await store.create(idAt(1));
    await writer.write(content);
    const { checksum, bytes } = await writer.commit();
    return { lastIncluded: idAt(50, 4), checksum, bytes };
  }

  async function begin(): Promise<{ store: SnapshotStore; writer: SnapshotWriter }> {
    const store = await open();
    label = await announced(store);
    const writer = await store.receive(label);
    expect(writer.bytes).toBe(0);
    return { store, writer };
  }

  it("has it once all of it came", async () => {
    const { store, writer } = await begin();
    await writer.write(content.subarray(0, 40_000));
    await writer.write(content.subarray(40_000));
    expect(await writer.commit()).toEqual(label);
    expect(store.newest).toEqual(label);
    await expectContent(await restart(), label, content);
  });

  it("scenario 45: goes on where it was suspended, over a restart too", async () => {
    const { store, writer } = await begin();
    await writer.write(content.subarray(0, 40_000));
    await writer.suspend();
    await writer.suspend();
    const second = await store.receive(label);
    expect(second.bytes).toBe(40_000);
    await second.write(content.subarray(40_000, 60_000));
    const third = await (await restart()).receive(label);
    expect(third.bytes).toBe(60_000);
    await third.write(content.subarray(60_000));
    expect(await third.commit()).toEqual(label);
    await expectContent(await restart(), label, content);
  });

  it("scenario 43: goes on with what is certain after it ended without warning", async () => {
    const { store, writer } = await begin();
    await writer.write(content.subarray(0, 40_000));
    await writer.suspend();
    const second = await store.receive(label);
    await second.write(content.subarray(40_000, 60_000));
    const { crash } = fixture();
    if (crash === undefined) {
      await second.abort();
      return;
    }
    crash();
    forget();
    const again = await open();
    expect(again.newest?.lastIncluded).toEqual(idAt(1));
    const third = await again.receive(label);
    expect([0, 40_000, 60_000]).toContain(third.bytes);
    await third.write(content.subarray(third.bytes));
    expect(await third.commit()).toEqual(label);
    await expectContent(again, label, content);
  });

  it("begins anew after it was given up", async () => {
    const { store, writer } = await begin();
    await writer.write(content.subarray(0, 40_000));
    await writer.abort();
    await writer.abort();
    expect((await store.receive(label)).bytes).toBe(0);
  });

  it("gives up a partial one of another label, and who was writing it", async () => {
    const { store, writer } = await begin();
    await writer.write(content.subarray(0, 40_000));
    const other = { ...label, lastIncluded: idAt(60, 4) };
    expect((await store.receive(other)).bytes).toBe(0);
    await expect(writer.write(content)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    expect((await store.receive(label)).bytes).toBe(0);
  });

  it("lets only the newest of two write the same one", async () => {
    const { store, writer } = await begin();
    await writer.write(content.subarray(0, 40_000));
    const second = await store.receive(label);
    expect(second.bytes).toBe(40_000);
    await expect(writer.write(content.subarray(0, 1))).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
    await second.write(content.subarray(40_000));
    expect(await second.commit()).toEqual(label);
  });

  it.each([
    { name: "a flipped byte", damage: (bytes: Uint8Array) => withByte(bytes, 70_000, 1) },
    { name: "a missing end", damage: (bytes: Uint8Array) => bytes.subarray(0, 99_999) },
    { name: "nothing", damage: () => new Uint8Array(0) },
  ])("scenario 46: refuses $name, and begins anew", async ({ damage }) => {
    const { store, writer } = await begin();
    await writer.write(damage(content));
    await expect(writer.commit()).rejects.toMatchObject({ code: "DATA_CORRUPTION" });
    expect(store.newest?.lastIncluded).toEqual(idAt(1));
    const again = await store.receive(label);
    expect(again.bytes).toBe(0);
    await again.write(content);
    expect(await again.commit()).toEqual(label);
  });

  it("takes no more than was announced", async () => {
    const { writer } = await begin();
    await writer.write(content);
    await expect(writer.write(Uint8Array.of(1))).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
    expect(await writer.commit()).toEqual(label);
  });
}

function describeRetention({ open, restart }: SnapshotTools): void {
  it("keeps the newest two, oldest first", async () => {
    const store = await open();
    for (const index of [10, 30, 20, 40])
      await createSnapshot(store, idAt(index), contentOf(index, 50));
    expect(store.retained.map((label) => label.lastIncluded.index)).toEqual([30, 40]);
    const again = await restart();
    expect(again.retained).toEqual(store.retained);
    await expect(again.open(idAt(10))).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  it("keeps one that is open as long as it is", async () => {
    const store = await open();
    const label = await createSnapshot(store, idAt(10), contentOf(1, 500));
    const file = await store.open(label.lastIncluded);
    const second = await store.open(label.lastIncluded);
    for (const index of [20, 30, 40])
      await createSnapshot(store, idAt(index), contentOf(index, 50));
    expect(store.retained.map(({ lastIncluded }) => lastIncluded.index)).toEqual([10, 30, 40]);
    await second.close();
    expect(await file.read(0, 500)).toEqual(contentOf(1, 500));
    await file.close();
    expect(store.retained.map(({ lastIncluded }) => lastIncluded.index)).toEqual([30, 40]);
  });
}

/** Compares all of it, checksum verified. */
async function expectContent(
  store: SnapshotStore,
  label: SnapshotLabel,
  content: Uint8Array,
): Promise<void> {
  const found = await contentIn(store, label.lastIncluded);
  // As one answer: vitest takes long over byte arrays.
  expect(sameBytes(found, content), `${found.length} of ${content.length} bytes`).toBe(true);
}

function withByte(bytes: Uint8Array, at: number, change: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= change;
  return copy;
}
