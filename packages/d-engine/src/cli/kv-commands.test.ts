import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@d-engine/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../../server/test/free-port.js";
import { capture } from "../../test/captured-io.js";
import { StandaloneEngine } from "../standalone-engine.js";
import { runCli } from "./run-cli.js";

let folder: string;
let server: StandaloneEngine;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "cli-kv-"));
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

describe("get of several keys", () => {
  it("prints what is asked for, all of one revision", async () => {
    for (const key of ["r/a", "r/b", "r/c", "s"]) await run("put", key, `of ${key}`);
    expect((await run("get", "r/", "--prefix")).out).toBe(
      "r/a\tof r/a\nr/b\tof r/b\nr/c\tof r/c\n",
    );
    expect((await run("get", "r/b", "--range-end", "s")).out).toBe("r/b\tof r/b\nr/c\tof r/c\n");
    expect((await run("get", "r/", "--prefix", "--keys-only")).out).toBe("r/a\nr/b\nr/c\n");
    expect((await run("get", "r/", "--prefix", "--count-only")).out).toBe("3\n");
    const newest = await run("get", "r/", "--prefix", "--limit", "2", "--order", "descending");
    expect(newest.out).toBe("r/c\tof r/c\nr/b\tof r/b\n");
    expect(await run("get", "nobody/", "--prefix")).toMatchObject({ code: 0, out: "", err: "" });
  });

  it("tells programs all that the store knows", async () => {
    await run("put", "j/1", "one");
    const made = await revisionOf("put", "j/1", "two");
    await run("put", "j/2", "x");
    const answer = await json("get", "j/", "--prefix", "--limit", "1");
    expect(answer).toEqual({
      revision: made + 1,
      count: 2,
      more: true,
      entries: [
        { key: "j/1", value: "two", createRevision: made - 1, modRevision: made, version: 2 },
      ],
    });
    expect((await json("get", "j/", "--prefix", "--count-only")).count).toBe(2);
  });

  it("reads the past, also what is gone", async () => {
    const first = await revisionOf("put", "past", "old");
    await run("delete", "past");
    expect((await run("get", "past", "--rev", String(first))).out).toBe("old\n");
    expect(await run("get", "past", "--rev", String(first + 1))).toMatchObject({
      code: 3,
      err: `d-engine: no key "past" at revision ${first + 1}\n`,
    });
    const all = await run("get", "pas", "--prefix", "--rev", String(first));
    expect(all.out).toBe("past\told\n");
    expect((await run("get", "past", "--rev", "999999")).err).toMatch(/^d-engine: .*still to come/);
  });

  it("goes on behind what one answer holds", async () => {
    const value = "v".repeat(900_000);
    for (const key of ["big/1", "big/2", "big/3", "big/4", "big/5", "big/6"]) {
      await run("put", key, value);
    }
    const { out } = await run("get", "big/", "--prefix");
    expect(out.length).toBe(6 * (value.length + "big/1\t\n".length));
    const { entries, more } = await json("get", "big/", "--prefix", "--limit", "5");
    expect([entries.length, more]).toEqual([5, true]);
    await run("del", "big/", "--prefix");
  });

  it.each([
    ["get", "k", "--prefix", "--raw"],
    ["get", "k", "--prefix", "--range-end", "l"],
    ["get", "k", "--rev", "0"],
    ["get", "k", "--prefix", "--limit", "many"],
    ["get", "k", "--prefix", "--order", "random"],
    ["get", "k", "--keys-only", "--count-only"],
    ["put", "k", "v", "--ttl", "30"],
    ["put", "k", "v", "--ttl", "30s", "--lease", "1"],
    ["lease", "grant", "60"],
    ["lease", "revoke", "0"],
    ["compact", "now"],
    ["watch", "k", "--count", "0"],
  ])("and the others refuse with code 2: %s %s %s %s %s", async (...args) => {
    const given = args.filter((arg) => arg !== undefined);
    expect(await run(...given)).toMatchObject({ code: 2, out: "" });
  });

  it("refuses a range that cannot hold a key, in one line", async () => {
    const { code, err } = await run("get", "b", "--range-end", "a");
    expect({ code, err }).toEqual({
      code: 1,
      err: 'd-engine: --range-end "a" must lie above "b"\n',
    });
  });
});

describe("delete of several keys", () => {
  it("takes them at one revision, and says how many", async () => {
    await run("put", "d/1", "x");
    const before = await revisionOf("put", "d/2", "x");
    expect(await run("del", "d/", "--prefix")).toMatchObject({ code: 0, out: "deleted 2 keys\n" });
    expect(await revisionOf("put", "after", "x")).toBe(before + 2);
    const none = await run("delete", "d/", "--range-end", "d0", "--json");
    expect(none).toMatchObject({ code: 3, out: '{"deleted":0}\n' });
  });
});

describe("compact", () => {
  it("gives up the past, which is then refused with the oldest revision that is left", async () => {
    const first = await revisionOf("put", "c", "1");
    await run("put", "c", "2");
    expect(await run("compact", String(first + 1))).toMatchObject({
      code: 0,
      out: `ok, the oldest revision is ${first + 1}\n`,
    });
    expect((await run("get", "c", "--rev", String(first + 1))).out).toBe("2\n");
    const past = await run("get", "c", "--rev", String(first), "--json");
    expect(past.code).toBe(1);
    expect(JSON.parse(past.err)).toMatchObject({
      error: { code: "COMPACTED", message: expect.stringContaining(` ${first + 1}`) },
    });
    const watch = await run("watch", "c", "--rev", String(first));
    expect(watch.err).toMatch(new RegExp(`^d-engine: .*--rev ${first + 1} goes on, [^\\n]*\\n$`));
  });
});

describe("lease", () => {
  it("is granted, listed, asked for, and ended with its keys", async () => {
    const { id } = await json("lease", "grant", "60s");
    expect((await run("lease", "grant", "1h", "--id", "77")).out).toBe("lease 77, 3600000 ms\n");
    expect((await json("lease", "list")).ids).toEqual([77, id].sort((a, b) => a - b));
    await run("put", "leased/a", "x", "--lease", "77");
    const { keys, ttlMs } = await json("lease", "time-to-live", "77", "--keys");
    expect({ keys, ttlMs }).toEqual({ keys: [{ key: "leased/a" }], ttlMs: 3_600_000 });
    const shown = await run("lease", "time-to-live", "77", "--keys");
    expect(shown.out).toMatch(/^lease 77, \d+ ms left of 3600000 ms\nleased\/a\n$/);
    expect((await run("lease", "keep-alive", "77", "--once")).out).toMatch(/^kept lease 77 alive/);
    expect((await run("lease", "revoke", "77")).out).toBe("revoked lease 77\n");
    expect((await run("get", "leased/a")).code).toBe(3);
    expect((await run("lease", "revoke", String(id), "--json")).code).toBe(0);
  });

  it.each([
    ["revoke", "404"],
    ["time-to-live", "404"],
    ["keep-alive", "404"],
  ])("that is not there is told with code 3: %s", async (...args) => {
    expect(await run("lease", ...args)).toMatchObject({
      code: 3,
      out: "",
      err: "d-engine: no lease 404: never granted, revoked or expired\n",
    });
    const { code, out } = await run("lease", ...args, "--json");
    expect({ code, out }).toEqual({ code: 3, out: '{"id":404,"found":false}\n' });
  });

  it("is refused under an id that is taken, and to a key without it", async () => {
    await run("lease", "grant", "60s", "--id", "78");
    expect((await run("lease", "grant", "60s", "--id", "78")).code).toBe(1);
    expect((await run("put", "k", "v", "--lease", "79")).err).toMatch(/^d-engine: .*lease 79/);
    await run("lease", "revoke", "78");
  });

  it("of one put ends its key by time, which a watch sees", async () => {
    const made = await revisionOf("put", "brief", "x", "--ttl", "100ms");
    const ended = await run("watch", "brief", "--rev", String(made), "--prev-kv", "--count", "2");
    expect(ended.out).toBe(`put\t${made}\tbrief\tx\ndelete\t${made + 1}\tbrief\t\tx\n`);
  });
});

describe("watch", () => {
  it("prints changes from a revision on", async () => {
    const from = await revisionOf("put", "w/a", "1\n2");
    await run("put", "w/a", "3");
    await run("put", "other", "x");
    await run("delete", "w/a");
    const rev = ["--rev", String(from)];
    const all = await run("watch", "w/", "--prefix", ...rev, "--count", "3", "--prev-kv");
    expect(all.out).toBe(
      `put\t${from}\tw/a\t1\\n2\n` +
        `put\t${from + 1}\tw/a\t3\t1\\n2\n` +
        `delete\t${from + 3}\tw/a\t\t3\n`,
    );
    const deletes = await run("watch", "w/a", ...rev, "--only", "delete", "--count", "1");
    expect(deletes.out).toBe(`delete\t${from + 3}\tw/a\n`);
  });

  it("tells programs one object a line", async () => {
    const from = await revisionOf("put", "wj", "1");
    await run("delete", "wj");
    const args = ["--rev", String(from), "--count", "2", "--prev-kv", "--json"];
    const { out } = await run("watch", "wj", ...args);
    const record = { key: "wj", value: "1", createRevision: from, modRevision: from, version: 1 };
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { kind: "put", revision: from, ...record },
      { kind: "delete", revision: from + 1, key: "wj", previous: record },
    ]);
  });

  it("says where it begins, so that others know when to write", async () => {
    await using client = await connect([server.address]);
    const { io, result } = capture();
    const args = ["wp", "--progress", "--count", "1", "-e", server.address];
    const ended = runCli(["watch", ...args], io);
    await expect.poll(() => result().out).toMatch(/^progress\t\d+\n$/);
    const { revision } = await client.put("wp", "x");
    expect(await ended).toBe(0);
    expect(result().out).toBe(`progress\t${revision - 1}\nput\t${revision}\twp\tx\n`);
  });
});

describe("txn", () => {
  it("does one thing or another, at one revision", async () => {
    const script = 'missing("t/owner")\n\nput t/owner me\nput t/since now\n\nget t/ --prefix\n';
    const before = await revisionOf("put", "x", "x");
    expect(await txn(script)).toEqual({
      code: 0,
      out: `comparisons held, revision ${before + 1}\nput: ok\nput: ok\n`,
      err: "",
    });
    expect(await txn(script)).toEqual({
      code: 3,
      out:
        `comparisons did not hold, revision ${before + 1}\n` +
        "get: 2 of 2\n  t/owner\tme\n  t/since\tnow\n",
      err: "",
    });
  });

  it("reads a file, and JSON, and answers programs", async () => {
    const file = join(folder, "script.json");
    writeFileSync(
      file,
      '{"then": [{"kind": "put", "key": "f", "value": {"base64": "AP8="}},\n' +
        '{"kind": "txn", "then": [{"kind": "range", "keys": "f"}]}]}',
    );
    const { revision, ...answer } = await json("txn", file);
    const entry = { key: "f", valueBase64: "AP8=", createRevision: revision };
    expect(answer).toEqual({
      succeeded: true,
      results: [
        { kind: "put" },
        {
          kind: "txn",
          succeeded: true,
          results: [
            {
              kind: "range",
              revision,
              count: 1,
              more: false,
              entries: [{ ...entry, modRevision: revision, version: 1 }],
            },
          ],
        },
      ],
    });
  });

  it.each([
    { script: "\nput a", says: "line 2: missing required argument 'value'" },
    {
      script: '{"if": [{"key": "k",\n"version": "x"}]}',
      says: "line 1: a transaction's condition",
    },
    { script: '{"if": [\n{"key": "k", "size": 1}]}', says: "line 2: a transaction's condition" },
    { script: "\ufffd".repeat(1), says: "line 1: no comparison" },
  ])("says which line is wrong, and does nothing: $says", async ({ script, says }) => {
    const { code, err } = await txn(script);
    expect(code).toBe(1);
    expect(err.startsWith(`d-engine: ${says}`), err).toBe(true);
    expect(err.trimEnd().includes("\n")).toBe(false);
  });

  it("says that there is no such file, in one line", async () => {
    const { code, err } = await run("txn", join(folder, "absent"));
    expect(code).toBe(1);
    expect(err).toMatch(/^d-engine: cannot read [^\n]*absent[^\n]*\n$/);
  });
});

async function txn(script: string) {
  const { io, result } = capture(script);
  const code = await runCli(["txn", "--endpoints", server.address], io);
  const { out, err } = result();
  return { code, out, err };
}

async function run(...args: readonly string[]) {
  const { io, result } = capture();
  const code = await runCli([...args, "--endpoints", server.address], io);
  const { out, err } = result();
  return { code, out, err };
}

async function json(...args: readonly string[]) {
  return JSON.parse((await run(...args, "--json")).out);
}

async function revisionOf(...args: readonly string[]): Promise<number> {
  return (await json(...args)).revision;
}
