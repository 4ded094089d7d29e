import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENGINE_DEFAULTS } from "@d-engine/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../../server/test/free-port.js";
import { type Captured, capture } from "../../test/captured-io.js";
import { StandaloneEngine } from "../standalone-engine.js";
import { runCli } from "./run-cli.js";

interface CliResult extends Captured {
  readonly code: number;
}

let folder: string;
let server: StandaloneEngine;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cli-"));
  const listen = `127.0.0.1:${await freePort()}`;
  server = await StandaloneEngine.start({
    dataDir: join(folder, "data"),
    segmentBytes: 4 << 20,
    listen,
  });
  await server.engine.waitReady({ timeoutMs: 5_000 });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("put and get", () => {
  it("store and print text", async () => {
    expect(await run(["put", "greeting", "hello 世界"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ok, revision \d+\n$/),
      err: "",
    });
    expect(await run(["get", "greeting"])).toMatchObject({ code: 0, out: "hello 世界\n", err: "" });
  });

  it("take a value from standard input and from a file, byte for byte", async () => {
    const bytes = Buffer.of(0, 255, 10, 13);
    expect((await run(["put", "in", "-"], { stdin: bytes })).code).toBe(0);
    expect((await run(["get", "in", "--raw"])).bytes).toEqual(bytes);
    writeFileSync(join(folder, "value"), bytes);
    expect((await run(["put", "file", "--file", join(folder, "value")])).code).toBe(0);
    expect((await run(["get", "file", "--raw"])).bytes).toEqual(bytes);
  });

  it.each([
    { option: [], out: "\\x00\\xff\\n\\x0d\n", err: /4 bytes that are not plain text.*--raw/ },
    { option: ["--hex"], out: "00ff0a0d\n", err: /^$/ },
    { option: ["--base64"], out: "AP8KDQ==\n", err: /^$/ },
    { option: ["--json"], out: '{"key":"bin","found":true,"valueBase64":"AP8KDQ=="}\n', err: /^$/ },
  ])("print bytes that are not text safely: $option", async ({ option, out, err }) => {
    await run(["put", "bin", "-"], { stdin: Buffer.of(0, 255, 10, 13) });
    const result = await run(["get", "bin", ...option]);
    expect(result).toMatchObject({ code: 0, out });
    expect(result.err).toMatch(err);
  });

  it("keep an empty value apart from an absent key", async () => {
    await run(["put", "empty", ""]);
    expect(await run(["get", "empty"])).toMatchObject({ code: 0, out: "\n" });
    expect(await run(["get", "absent"])).toMatchObject({
      code: 3,
      out: "",
      err: 'd-engine: no key "absent"\n',
    });
    expect(await run(["get", "absent", "--json"])).toMatchObject({
      code: 3,
      out: '{"key":"absent","found":false}\n',
      err: "",
    });
  });

  it.each(["linearizable", "lease", "eventual"])("read with consistency %s", async (level) => {
    await run(["put", "level", level]);
    expect((await run(["get", "level", "-c", level])).out).toBe(`${level}\n`);
  });
});

describe("delete", () => {
  it("says whether the key existed", async () => {
    await run(["put", "doomed", "x"]);
    expect(await run(["delete", "doomed"])).toMatchObject({ code: 0, out: "deleted\n" });
    expect(await run(["delete", "doomed"])).toMatchObject({
      code: 3,
      err: 'd-engine: no key "doomed"\n',
    });
    expect((await run(["delete", "doomed", "--json"])).out).toBe(
      '{"key":"doomed","deleted":false}\n',
    );
  });
});

describe("cas", () => {
  it("swaps what matches and nothing else", async () => {
    expect((await run(["cas", "c", "--absent", "1"])).code).toBe(0);
    expect((await run(["cas", "c", "--absent", "2"])).err).toMatch(/not swapped: "c" exists/);
    expect((await run(["cas", "c", "7", "2"])).code).toBe(3);
    expect((await run(["cas", "c", "1", "2", "--json"])).out).toBe('{"key":"c","swapped":true}\n');
    expect((await run(["cas", "c", "2", ""])).code).toBe(0);
    expect((await run(["cas", "c", "", "3"])).code).toBe(0);
  });

  it.each([
    ["c", "1"],
    ["c", "--absent", "1", "2"],
    ["c", "1", "2", "3"],
  ])("refuses a wrong number of arguments: %s %s %s", async (...args) => {
    const given = args.filter((arg) => arg !== undefined);
    expect(await run(["cas", ...given])).toMatchObject({ code: 2, out: "" });
  });
});

describe("scan", () => {
  it("prints one line a pair, in key order, whatever the bytes", async () => {
    await run(["put", "scan/b", "two\nlines"]);
    await run(["put", "scan/a", "back\\slash"]);
    expect((await run(["scan", "scan/"])).out).toBe("scan/a\tback\\\\slash\nscan/b\ttwo\\nlines\n");
    expect((await run(["scan", "scan/", "--keys-only"])).out).toBe("scan/a\nscan/b\n");
    expect(JSON.parse((await run(["scan", "scan/", "--json"])).out)).toEqual({
      revision: expect.any(Number),
      entries: [
        { key: "scan/a", value: "back\\slash" },
        { key: "scan/b", value: "two\nlines" },
      ],
    });
  });

  it("finds nothing without failing", async () => {
    expect(await run(["scan", "nobody/"])).toMatchObject({ code: 0, out: "" });
  });
});

describe("status", () => {
  it("shows leader, members and endpoints", async () => {
    const { code, out } = await run(["status"]);
    expect(code).toBe(0);
    expect(out).toContain(`leader     node 1 at ${server.address}`);
    expect(JSON.parse((await run(["status", "--json"])).out)).toMatchObject({
      leaderId: 1,
      members: [{ id: 1, address: server.address, status: "active", role: "leader" }],
      endpoints: [{ endpoint: server.address, ok: true }],
    });
  });

  it("says what is wrong with an endpoint, and that nobody leads, with code 1", async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const { code, out } = await run(["status", "-e", dead]);
    expect(code).toBe(1);
    expect(out).toBe(
      `leader     none that can serve\nendpoint   ${dead}: no connection; does a node listen there?\n`,
    );
  });
});

describe("errors", () => {
  it("are one line on stderr, code 1", async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const result = await run(["get", "k", "-e", dead, "-t", "200"]);
    expect(result).toMatchObject({ code: 1, out: "" });
    expect(result.err).toMatch(/^d-engine: no node with a leader.*no connection[^\n]*\n$/);
  });

  it("are one JSON object on stderr with --json", async () => {
    const { code, err } = await run(["put", "", "x", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(err)).toMatchObject({
      error: { code: "INVALID_REQUEST", outcome: "rejected" },
    });
  });

  it.each([
    [[]],
    [["nonsense"]],
    [["get"]],
    [["get", "k", "--unknown"]],
    [["get", "k", "-c", "strong"]],
    [["get", "k", "-t", "soon"]],
    [["get", "k", "-e", "nowhere"]],
    [["get", "k", "--raw", "--hex"]],
    [["put", "k"]],
    [["put", "k", "v", "--file", "f"]],
    [["start", "--listen", "nonsense"]],
    [["start", "--log-level", "loud"]],
  ])("of usage end with code 2 and touch nothing: %j", async (args) => {
    expect(await runCli(args, capture().io)).toBe(2);
  });
});

describe("the surroundings", () => {
  it("take endpoints from D_ENGINE_ENDPOINTS; the option wins", async () => {
    process.env.D_ENGINE_ENDPOINTS = server.address;
    try {
      const one = capture();
      expect(await runCli(["put", "env", "x"], one.io)).toBe(0);
      expect(await runCli(["get", "env", "-e", "127.0.0.1:1", "-t", "100"], capture().io)).toBe(1);
    } finally {
      delete process.env.D_ENGINE_ENDPOINTS;
    }
  });

  it.each([[["--help"]], [["put", "--help"]], [["help", "cas"]]])(
    "get help with examples on stdout, code 0: %j",
    async (args) => {
      const { io, result } = capture();
      expect(await runCli(args, io)).toBe(0);
      expect(result().out).toMatch(/Examples:\n {2}d-engine/);
      expect(result().err).toBe("");
    },
  );

  it("get the defaults of the engine, setting by setting", async () => {
    const { io, result } = capture();
    await runCli(["start", "--help"], io);
    const help = result().out.replaceAll(/\s+/g, " ");
    const numbers = [...help.matchAll(/--([a-z-]+) <(?:ms|n|bytes)> .*?\(default: (\d+)\)/g)];
    expect(numbers.length).toBeGreaterThan(8);
    for (const [, flag = "", usual] of numbers) {
      const setting = flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      expect(Number(usual), flag).toBe(ENGINE_DEFAULTS[setting as keyof typeof ENGINE_DEFAULTS]);
    }
  });

  it("get the version", async () => {
    const { io, result } = capture();
    expect(await runCli(["--version"], io)).toBe(0);
    expect(result().out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

/** Runs one command against the server of this file, unless it names another. */
async function run(
  args: readonly string[],
  { stdin }: { readonly stdin?: Buffer } = {},
): Promise<CliResult> {
  const endpoint = args.includes("-e") ? [] : ["--endpoints", server.address];
  const { io, result } = capture(stdin);
  const code = await runCli([...args, ...endpoint], io);
  return { code, ...result() };
}
