import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectOptions, connect, isEngineError } from "@d-engine/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../server/test/free-port.js";
import { runCli } from "../src/cli/run-cli.js";
import { EmbeddedEngine } from "../src/index.js";
import { capture } from "./captured-io.js";
import { type ThreeEngines, threeEngines } from "./three-engines.js";

let folder: string;
let cluster: ThreeEngines;
let asRoot: readonly string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "auth-cluster-"));
  cluster = await threeEngines([1, 2, 3].map((id) => join(folder, `${id}`)));
  await cluster.leader();
  writeFileSync(join(folder, "root"), "correct horse\n");
  asRoot = ["--user", "root", "--password-file", join(folder, "root")];
}, 30_000);

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command line; the standard input is what is asked for. */
async function run(stdin: string, ...args: readonly string[]) {
  const { io, result } = capture(stdin);
  const code = await runCli([...args, "--endpoints", cluster.addresses.join(",")], io);
  return { code, ...result() };
}

async function runs(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await run("", ...args);
  if (code !== 0) throw new Error(err);
  return out;
}

describe("a cluster that asks for users", () => {
  it("is set up by commands, and asks from the change on", async () => {
    expect(await runs("auth", "status")).toContain("users are not asked for");
    const early = await run("", "auth", "enable");
    expect(early).toMatchObject({ code: 1, err: expect.stringContaining("role root") });
    expect(await run("correct horse\n", "user", "add", "root")).toMatchObject({ code: 0 });
    await runs("user", "grant-role", "root", "root");
    await runs("auth", "enable");
    const refused = await run("", "put", "k", "v");
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("asks for a user") });
    expect((await run("", "get", "k", "--json")).err).toContain('"code":"UNAUTHENTICATED"');
    await runs("put", "k", "v", ...asRoot);
    expect(await runs("get", "k", ...asRoot)).toBe("v\n");
    writeFileSync(join(folder, "wrong"), "guess");
    const guessed = await run(
      "",
      "get",
      "k",
      "-u",
      "root",
      "--password-file",
      join(folder, "wrong"),
    );
    expect(guessed).toMatchObject({ code: 1, err: expect.not.stringContaining("guess") });
  });

  it("gives roles rights over keys, and tokens to programs", async () => {
    await runs("role", "add", "team", ...asRoot);
    await runs("role", "grant-permission", "team", "readwrite", "team/", "--prefix", ...asRoot);
    await runs("role", "grant-permission", "team", "read", "k", ...asRoot);
    await runs("user", "add", "ci", "--no-password", ...asRoot);
    await runs("user", "grant-role", "ci", "team", ...asRoot);
    const token = await runs("user", "create-token", "ci", "build", ...asRoot);
    writeFileSync(join(folder, "token"), token);
    const asCi = ["--token-file", join(folder, "token")];
    await runs("put", "team/a", "1", ...asCi);
    expect(await runs("get", "k", ...asCi)).toBe("v\n");
    const denied = await run("", "put", "k", "w", ...asCi);
    expect(denied.err).toContain('user "ci" may not write key "k": grant one of its roles');
    expect(await run("", "member", "remove", "3", ...asCi)).toMatchObject({ code: 1 });
    expect(await run("", "snapshot", "save", join(folder, "b"), ...asCi)).toMatchObject({
      code: 1,
    });
    expect(await run("", "compact", "1", ...asCi)).toMatchObject({ code: 1 });
    const { users } = JSON.parse(await runs("user", "list", "--json", ...asCi));
    expect(users).toEqual([{ name: "ci", hasPassword: false, roles: ["team"], tokens: ["build"] }]);
    expect(await runs("role", "get", "team", ...asRoot)).toBe(
      "read\tk\nreadwrite\tfrom team/ up to team0\n",
    );
    expect(await runs("user", "list", ...asRoot)).toContain("root\troles root\tpassword\n");
    await runs("snapshot", "save", join(folder, "backup"), ...asRoot);
    expect(readFileSync(join(folder, "backup")).includes("correct horse")).toBe(false);
  });

  it("lets the programs of its nodes do everything, from whichever node", async () => {
    for (const engine of cluster.engines) {
      const client = engine.client();
      await client.put("own", "1");
      await using session = await client.openSession();
      await session.put("own", "2");
      expect(await client.getString("own")).toBe("2");
      await engine.auth.addRole(`own-${engine.identity.nodeId}`);
      const { leaderId } = await engine.waitReady();
      await expect(engine.admin.transferLeadership(leaderId)).rejects.toMatchObject({
        code: "INVALID_REQUEST",
      });
    }
    const { roles } = await cluster.engines[0]!.auth.describe();
    expect(roles.map(({ name }) => name)).toEqual(["own-1", "own-2", "own-3", "team"]);
  });

  it("ends a watch with the right to it, on every node, and refuses a put in flight", async () => {
    const token = readFileSync(join(folder, "token"), "utf8").trim();
    const clients = await Promise.all(
      cluster.addresses.map((address) => connect([address], { token })),
    );
    const watches = clients.map((client) => client.watch({ prefix: "team/" }));
    await Promise.all(watches.map((watch) => watch.ready()));
    const ends = watches.map(async (watch) => {
      try {
        for await (const { events } of watch) expect(events.length).toBeGreaterThan(0);
        return undefined;
      } catch (error) {
        return error;
      }
    });
    let refused: unknown;
    let acknowledged = 0;
    const [writer] = clients;
    const writing = (async () => {
      while (refused === undefined) {
        await writer?.put("team/n", `${acknowledged}`).then(
          () => acknowledged++,
          (error: unknown) => {
            refused = error;
          },
        );
      }
    })();
    await runs("user", "revoke-role", "ci", "team", ...asRoot);
    await writing;
    for (const end of ends) expect(await end).toMatchObject({ code: "PERMISSION_DENIED" });
    expect(isEngineError(refused, "PERMISSION_DENIED"), String(refused)).toBe(true);
    // What was refused had no effect, and what was acknowledged is there.
    expect(await runs("get", "team/n", ...asRoot)).toBe(`${acknowledged - 1}\n`);
    await Promise.all(clients.map((client) => client.close()));
  });

  it("sends its keys to no node that root has not added, and its users to one that joins", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const config = {
      dataDir: join(folder, "4"),
      nodeId: 4,
      listen: address,
      join: cluster.addresses,
      segmentBytes: 4 * 1024 * 1024,
    };
    await expect(EmbeddedEngine.start(config)).rejects.toThrow(`d-engine member add 4 ${address}`);
    await runs("member", "add", "4", address, "--read-only", ...asRoot);
    await using engine = await EmbeddedEngine.start({ ...config, joinAs: "readOnly" });
    await engine.waitReady({ timeoutMs: 10_000 });
    await engine.client().get("k");
    await using nobody = await connect([address]);
    const eventual = nobody.get("k", { consistency: "eventual" });
    await expect(eventual).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await runs("member", "remove", "4", ...asRoot);
    await engine.closed;
  });

  it("asks after a backup of it was restored, too, and knows its users", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const dataDir = join(folder, "restored");
    const to = ["--data-dir", dataDir, "--initial-cluster", `1=${address}`];
    const { io } = capture();
    expect(await runCli(["snapshot", "restore", join(folder, "backup"), ...to], io)).toBe(0);
    await using engine = await EmbeddedEngine.start({ dataDir, listen: address });
    await engine.waitReady({ timeoutMs: 10_000 });
    const codeOf = async (given: ConnectOptions): Promise<string | undefined> => {
      await using client = await connect([address], given);
      return await client.get("k").then(
        () => undefined,
        (error: unknown) => (isEngineError(error) ? error.code : String(error)),
      );
    };
    expect(await codeOf({})).toBe("UNAUTHENTICATED");
    expect(await codeOf({ user: "root", password: "correct horse" })).toBeUndefined();
    const token = readFileSync(join(folder, "token"), "utf8").trim();
    expect(await codeOf({ token })).toBeUndefined();
    expect((await engine.auth.describe()).enabled).toBe(true);
    await engine.client().put("k", "own");
  });

  it("stops asking when it is told to", async () => {
    await runs("auth", "disable", ...asRoot);
    await runs("put", "k", "w");
    expect(await runs("auth", "status", "--json")).toContain('"enabled":false');
  });
});
