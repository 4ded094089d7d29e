import { crc32 } from "node:zlib";
import {
  type InstallSnapshot,
  type InstallSnapshotResponse,
  nodeId,
  type Term,
} from "@d-engine/core";
import { create, storage, toBinary } from "@d-engine/proto";
import { Client, credentials, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { PEER_METHODS } from "./peer-methods.js";
import { encodeChunk, encodeInstallSnapshot } from "./snapshot-codec.js";
import { labelOf, sampleFile } from "./testing/memory-snapshots.js";
import { End, open, pair } from "./testing/transport-end.js";

const file = sampleFile(1000);
const label = labelOf(file);
const chunkBytes = 300;

describe("GrpcTransport: installSnapshot", () => {
  it("carries a window of chunks as one message, and the answer back", async () => {
    const [one, two] = await pair();
    const message = install(0, 4);
    one.transport.send({ to: nodeId(2), message });
    await two.until(() => two.received.length === 1);
    expect(plain(two.received[0]!.message)).toEqual(plain(message));
    expect(two.received[0]!.from).toBe(1);
    two.transport.send({ to: nodeId(1), message: answer(0, true) });
    await one.until(() => one.received.length === 1);
    expect(one.received).toEqual([{ from: 2, message: answer(0, true) }]);
  });

  it("asks where to go on with a message that has no chunks", async () => {
    const [one, two] = await pair();
    one.transport.send({ to: nodeId(2), message: install(0, 0) });
    await two.until(() => two.received.length === 1);
    expect(plain(two.received[0]!.message)).toEqual(plain(install(0, 0)));
    two.transport.send({ to: nodeId(1), message: answer(3, false) });
    await one.until(() => one.received.length === 1);
    expect(one.received[0]!.message).toEqual(answer(3, false));
  });

  it("drops and counts a message while the one before it is under way", async () => {
    const [one, two] = await pair();
    one.transport.send({ to: nodeId(2), message: install(0, 1) });
    one.transport.send({ to: nodeId(2), message: install(1, 2) });
    expect(one.transport.metrics).toMatchObject({ messagesSent: 1, messagesDropped: 1 });
    await two.until(() => two.received.length === 1);
    two.transport.send({ to: nodeId(1), message: answer(1, false) });
    await one.until(() => one.received.length === 1);
    one.transport.send({ to: nodeId(2), message: install(1, 2) });
    await two.until(() => two.received.length === 2);
    expect(plain(two.received[1]!.message)).toEqual(plain(install(1, 2)));
  });

  it("gives up on a peer that does not answer, so that the next message can go", async () => {
    const [one, two] = await pair({ first: { snapshotAnswerTimeoutMs: 20 } });
    one.transport.send({ to: nodeId(2), message: install(0, 1) });
    await two.until(() => two.received.length === 1);
    await one.until(() => one.transport.metrics.snapshotCallsFailed === 1, { poll: true });
    one.transport.send({ to: nodeId(2), message: install(0, 2) });
    await two.until(() => two.received.length === 2);
    two.transport.send({ to: nodeId(1), message: answer(2, false) });
    await one.until(() => one.received.length === 1);
    expect(one.received[0]!.message).toEqual(answer(2, false));
  });

  it("loses a message to a peer that is away, and reaches it when it is back", async () => {
    const [one, two] = await pair();
    const away = new End(3);
    open.push(away);
    one.transport.setMembers([{ id: nodeId(3), address: "127.0.0.1:1" }]);
    one.transport.send({ to: nodeId(3), message: install(0, 1) });
    await one.until(() => one.transport.metrics.snapshotCallsFailed === 1, { poll: true });
    one.transport.setMembers([{ id: nodeId(2), address: two.address }]);
    one.transport.send({ to: nodeId(2), message: install(0, 1) });
    await two.until(() => two.received.length === 1);
  });

  it("cuts a whole snapshot that comes in one call into bounded messages", async () => {
    const [one, two] = await pair({ second: { installBytesMax: 700 } });
    one.transport.send({ to: nodeId(2), message: install(0, 4) });
    await two.until(() => two.received.length === 1);
    expect(plain(two.received[0]!.message)).toEqual(plain(install(0, 2)));
    two.transport.send({ to: nodeId(1), message: answer(2, false) });
    await two.until(() => two.received.length === 2);
    expect(plain(two.received[1]!.message)).toEqual(plain(install(2, 4)));
    two.transport.send({ to: nodeId(1), message: answer(0, true) });
    await one.until(() => one.received.length === 1);
    expect(one.received[0]!.message).toEqual(answer(0, true));
  });

  it("ends a whole snapshot at the first answer that wants something else", async () => {
    const [one, two] = await pair({ second: { installBytesMax: 700 } });
    one.transport.send({ to: nodeId(2), message: install(0, 4) });
    await two.until(() => two.received.length === 1);
    two.transport.send({ to: nodeId(1), message: answer(1, false) });
    await one.until(() => one.received.length === 1);
    expect(one.received[0]!.message).toEqual(answer(1, false));
    expect(two.received).toHaveLength(1);
  });

  it("is refused to a stranger, on both ends", async () => {
    const [one, two] = await pair({ secondCluster: "d".repeat(32) });
    one.transport.send({ to: nodeId(2), message: install(0, 1) });
    await one.until(() => one.transport.metrics.snapshotCallsFailed === 1, { poll: true });
    expect(two.received).toEqual([]);
    expect(one.received).toEqual([]);
  });
});

describe("InstallSnapshot from a hostile peer (scenario 78)", () => {
  const sender = { term: 3 as Term, leaderId: nodeId(1), totalChunks: 4 };
  const metadata = { label, chunkBytes };
  const first = encodeChunk(sender, chunk(0), metadata);
  it.each([
    { name: "no chunk at all", frames: [], code: status.INVALID_ARGUMENT, says: /no chunk/ },
    { name: "bytes that are no message", frames: [Buffer.of(7)], code: status.INVALID_ARGUMENT },
    {
      name: "no metadata",
      frames: [encodeChunk(sender, chunk(0), undefined)],
      code: status.INVALID_ARGUMENT,
      says: /no metadata/,
    },
    {
      name: "another leader",
      frames: [encodeChunk({ ...sender, leaderId: nodeId(7) }, chunk(0), metadata)],
      code: status.INVALID_ARGUMENT,
      says: /leader 7/,
    },
    {
      name: "a number of chunks that does not fit",
      frames: [encodeChunk({ ...sender, totalChunks: 5 }, chunk(0), metadata)],
      code: status.INVALID_ARGUMENT,
      says: /1000 bytes in chunks of 300 are not 5/,
    },
    {
      name: "a chunk of another size",
      frames: [first, encodeChunk(sender, { ...chunk(1), data: file.slice(0, 5) }, undefined)],
      code: status.INVALID_ARGUMENT,
      says: /has 5 bytes, not 300/,
    },
    {
      name: "a gap",
      frames: [first, encodeChunk(sender, chunk(2), undefined)],
      code: status.INVALID_ARGUMENT,
      says: /chunk 2 follows chunk 0/,
    },
    {
      name: "more chunks than there are",
      frames: [
        encodeChunk(sender, chunk(3), metadata),
        encodeChunk(sender, { ...chunk(3), sequence: 4 }, undefined),
      ],
      code: status.INVALID_ARGUMENT,
    },
    {
      name: "a checksum of a wrong length",
      frames: [encodeChunk(sender, chunk(0), { ...metadata, label: { ...label, checksum: file } })],
      code: status.INVALID_ARGUMENT,
      says: /1000 bytes, not 32/,
    },
    {
      name: "a chunk without its checksum",
      frames: [toBinary(storage.SnapshotChunkSchema, create(storage.SnapshotChunkSchema, {}))],
      code: status.INVALID_ARGUMENT,
      says: /chunk_checksum/,
    },
    {
      name: "a chunk beyond the largest message",
      frames: [new Uint8Array(5 * 1024 * 1024)],
      code: status.RESOURCE_EXHAUSTED,
    },
  ])("refuses $name, and the node lives", async ({ frames, code, says }) => {
    const [one, two] = await pair();
    const refused = await call(two, one, frames);
    expect(refused.code).toBe(code);
    if (says !== undefined) expect(refused.details).toMatch(says);
    expect(two.received).toEqual([]);
    one.transport.send({ to: nodeId(2), message: install(0, 4) });
    await two.until(() => two.received.length === 1);
  });

  it("refuses a third call at a time of one peer", async () => {
    const [one, two] = await pair();
    const frames = [...encodeInstallSnapshot(install(0, 1))];
    const clients = [call(two, one, frames), call(two, one, frames)];
    await two.until(() => two.received.length === 2);
    expect(await call(two, one, frames)).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    two.transport.send({ to: nodeId(1), message: answer(1, false) });
    two.transport.send({ to: nodeId(1), message: answer(1, false) });
    expect(await Promise.all(clients)).toEqual([answered, answered]);
  });
});

const answered = { code: status.OK, details: "" };

/** One call of the raw method, as node `as` would make it. */
function call(
  to: End,
  as: End,
  frames: readonly Uint8Array[],
): Promise<{ readonly code: status; readonly details: string }> {
  const client = new Client(to.address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
  });
  const { path, requestSerialize, responseDeserialize } = PEER_METHODS.installSnapshot;
  return new Promise((resolve) => {
    const stream = client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      as.transport.ownMetadata(),
      (error) => {
        client.close();
        resolve(error === null ? answered : { code: error.code, details: error.details });
      },
    );
    stream.on("error", () => undefined);
    for (const frame of frames) stream.write(frame);
    stream.end();
  });
}

function chunk(sequence: number) {
  const data = file.slice(sequence * chunkBytes, (sequence + 1) * chunkBytes);
  return { sequence, crc32: crc32(data), data };
}

function install(from: number, to: number): InstallSnapshot {
  const chunks = Array.from({ length: to - from }, (_, at) => chunk(from + at));
  const term = 3 as Term;
  return {
    kind: "installSnapshot",
    term,
    leaderId: nodeId(1),
    label,
    totalChunks: 4,
    chunkBytes,
    chunks,
  };
}

function answer(nextChunk: number, installed: boolean): InstallSnapshotResponse {
  const { lastIncluded } = label;
  return { kind: "installSnapshotResponse", term: 3 as Term, lastIncluded, nextChunk, installed };
}

/** Bytes as text, so that views of different kinds compare equal. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) =>
      part instanceof Uint8Array ? `0x${Buffer.from(part).toString("hex")}` : part,
    ).replaceAll(/\{"type":"Buffer","data":\[[^\]]*\]\}/g, (found) =>
      JSON.stringify(`0x${Buffer.from(JSON.parse(found).data as number[]).toString("hex")}`),
    ),
  );
}
