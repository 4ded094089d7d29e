import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAdmin, isEngineError } from "@d-engine/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../../server/test/free-port.js";
import { capture } from "../../test/captured-io.js";
import { EmbeddedEngine } from "../embedded-engine.js";
import { runCli } from "./run-cli.js";

const tuning = { segmentBytes: 4 << 20 };
let folder: string;
let endpoints: readonly string[];
let engines: EmbeddedEngine[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cli-admin-"));
  endpoints = [];
  for (let i = 0; i < 3; i++) endpoints = [...endpoints, `127.0.0.1:${await freePort()}`];
  const initialCluster = Object.fromEntries(endpoints.map((at, i) => [i + 1, at]));
  engines = await Promise.all(
    endpoints.map((_, i) =>
      EmbeddedEngine.start({
        ...tuning,
        dataDir: join(folder, `data-${i + 1}`),
        nodeId: i + 1,
        initialCluster,
      }),
    ),
  );
  await engines[0]!.waitReady({ timeoutMs: 10_000 });
  const client = engines[0]!.client();
  for (let i = 0; i < 20; i++) await client.put(`k${i}`, `value ${i}`);
}, 20_000);
afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  rmSync(folder, { recursive: true, force: true });
});

describe("d-engine leader transfer", () => {
  it("makes another voter lead, asked of any node", async () => {
    const { leaderId } = await engines[0]!.waitReady();
    const others = [1, 2, 3].filter((id) => id !== leaderId);
    for (const target of [...others, leaderId]) {
      const result = await run("leader", "transfer", String(target));
      expect(result).toEqual({ code: 0, out: `ok, node ${target} leads\n`, err: "" });
      await leads(target);
    }
    const target = others[0]!;
    const { out } = await run("leader", "transfer", String(target), "--json");
    expect(JSON.parse(out)).toEqual({ leaderId: target });
    await leads(target);
  });

  it("refuses what is no voter in one line", async () => {
    const { code, err } = await run("leader", "transfer", "9");
    expect(code).toBe(1);
    expect(err).toMatch(/^d-engine: [^\n]*9[^\n]*\n$/);
  });
});

describe("d-engine member", () => {
  it("lists who votes and who leads, for people and for programs", async () => {
    const { out } = await run("member", "list");
    expect(out).toMatch(/^version {4}0, node \d leads\n(member {5}node \d at \S+, voter\n){3}$/);
    const listed = JSON.parse((await run("member", "list", "--json")).out);
    expect(listed).toMatchObject({ version: 0, members: [{ id: 1 }, { id: 2 }, { id: 3 }] });
  });

  it("adds a learner and removes it, the same for a program in one of the nodes", async () => {
    const added = await run("member", "add", "4", "127.0.0.1:1", "--read-only");
    expect(added).toMatchObject({ code: 0, err: "" });
    expect(added.out).toMatch(/^ok, version \d+: node 4 at 127.0.0.1:1 is a learner; start it/);
    const { version, members } = await connected((admin) => admin.members());
    expect(members.at(-1)).toMatchObject({ id: 4, status: "readOnly" });
    const stale = await run("member", "remove", "4", "--if-version", "0");
    expect(stale).toMatchObject({ code: 1, out: "" });
    expect(stale.err).toMatch(/^d-engine: [^\n]*version[^\n]*\n$/);
    const removed = await run("member", "remove", "4", "--if-version", String(version));
    expect(removed).toMatchObject({ code: 0, err: "" });
    for (const { admin } of engines) {
      await admin.addMember({ id: 5, address: "127.0.0.1:1", status: "readOnly" });
      await admin.removeMember(5);
    }
    expect((await connected((admin) => admin.members())).members).toHaveLength(3);
  });

  it.each([
    { args: ["remove", "9"], code: 1, err: /9/ },
    { args: ["promote", "9"], code: 1, err: /9/ },
    { args: ["add", "6", "nowhere"], code: 1, err: /"nowhere" is not an address/ },
    { args: ["add", "zero", "a:1"], code: 2, err: /whole number from 1/ },
    { args: ["remove"], code: 2, err: /missing required argument/ },
  ])("refuses $args with the reason", async ({ args, code, err }) => {
    const result = await run("member", ...args);
    expect(result).toMatchObject({ code, out: "" });
    expect(result.err).toMatch(err);
  });
});

describe("d-engine snapshot", () => {
  it("saves a backup, shows what is in it, and restores it into a cluster of one", async () => {
    const file = join(folder, "backup");
    expect((await run("lease", "grant", "60s")).code).toBe(0);
    const saved = await run("snapshot", "save", file);
    expect(saved).toMatchObject({ code: 0, err: "" });
    expect(saved.out).toMatch(/backup: [\d,]+ bytes, checksum ok\n$/);
    const inspected = JSON.parse((await run("snapshot", "inspect", file, "--json")).out);
    expect(inspected).toMatchObject({
      store: { revision: 20, keys: 20, events: 20, leases: 1, sessions: 0 },
      members: [{ id: 1 }, { id: 2 }, { id: 3 }],
    });
    expect((await run("snapshot", "inspect", file)).out).toMatch(
      /store {6}revision 20, 20 keys.*\nhistory {4}from revision \d+ on, 20 changes\nleases {5}1, 0 of/,
    );
    const dataDir = join(folder, "restored");
    const restored = await run("snapshot", "restore", file, "--data-dir", dataDir);
    expect(restored).toMatchObject({ code: 0, err: "" });
    await using engine = await EmbeddedEngine.start({ ...tuning, dataDir });
    await engine.waitReady({ timeoutMs: 5_000 });
    const client = engine.client();
    expect(await client.getString("k7")).toBe("value 7");
    const { revision } = await client.put("new", "x");
    expect(revision).toBe(1_000_000_021);
    expect(engine.identity.clusterId).not.toBe(engines[0]!.identity.clusterId);
  });

  it("refuses a file that is there, and leaves it as it is", async () => {
    const file = join(folder, "there");
    writeFileSync(file, "precious");
    const result = await run("snapshot", "save", file);
    expect(result).toMatchObject({ code: 1, out: "" });
    expect(result.err).toMatch(/there exists; name another file/);
    expect(readFileSync(file, "utf8")).toBe("precious");
    expect(readdirSync(folder).filter((name) => name.includes("part"))).toEqual([]);
  });

  it("refuses a damaged backup by name, and leaves no directory", async () => {
    const file = join(folder, "damaged");
    expect((await run("snapshot", "save", file)).code).toBe(0);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    const dataDir = join(folder, "never");
    for (const args of [
      ["restore", file, "--data-dir", dataDir],
      ["inspect", file],
    ]) {
      const { code, err } = await run("snapshot", ...args);
      expect(code).toBe(1);
      expect(err).toMatch(/^d-engine: \S+damaged has the checksum [^\n]*\n$/);
    }
    expect(readdirSync(folder)).not.toContain("never");
  });

  it("downloads the same to a program, over the network and in process", async () => {
    const save = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer> => {
      const all: Uint8Array[] = [];
      for await (const piece of pieces) all.push(piece);
      return Buffer.concat(all);
    };
    const admin = connectAdmin([endpoints[0]!]);
    const remote = await save(admin.downloadSnapshot());
    const local = await save(engines[0]!.admin.downloadSnapshot({ consistency: "eventual" }));
    await admin.close();
    expect(remote.length).toBe(local.length);
    const { checksum } = await engines[1]!.admin.saveSnapshot();
    expect(checksum).toMatch(/^[0-9a-f]{64}$/);
  });

  it("says that nobody answers", async () => {
    const admin = connectAdmin(["127.0.0.1:1"], { timeoutMs: 300 });
    const error = await admin.saveSnapshot().catch((caught: unknown) => caught);
    expect(isEngineError(error, "CONNECTION_TIMEOUT")).toBe(true);
    await admin.close();
  });
});

async function leads(id: number): Promise<void> {
  for await (const leader of engines[0]!.leaderChangeNotifier()) {
    if (leader?.leaderId === id) return;
  }
}

async function connected<T>(use: (admin: ReturnType<typeof connectAdmin>) => Promise<T>) {
  await using admin = connectAdmin(endpoints);
  return await use(admin);
}

async function run(...args: readonly string[]) {
  const { io, result } = capture();
  const isRemote = !["restore", "inspect"].includes(args[1] ?? "");
  const to = isRemote ? ["--endpoints", endpoints.join(",")] : [];
  const code = await runCli([...args, ...to], io);
  const { out, err } = result();
  return { code, out, err };
}
