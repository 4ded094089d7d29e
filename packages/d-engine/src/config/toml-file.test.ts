import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "smol-toml";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "./config-error.js";
import { readOptions } from "./named-values.js";
import { effectiveSettings, printedToml } from "./print-config.js";
import { mergedValues, resolveConfig } from "./resolve-config.js";
import { type ConfigSetting, SETTINGS } from "./schema.js";
import { readToml, readTomlFile } from "./toml-file.js";
import { keyLines } from "./toml-lines.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "config-file-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a file that is none", () => {
  it.each([
    { name: "missing", make: () => undefined, what: "cannot be read (there is no such file)" },
    { name: "a directory", make: (path: string) => mkdirSync(path), what: "is a directory" },
    {
      name: "too large",
      make: (path: string) => writeFileSync(path, "#".repeat(1024 * 1024 + 1)),
      what: "is too large, 1048577 bytes of at most 1048576",
    },
    {
      name: "not TOML",
      make: (path: string) => writeFileSync(path, "a = 1\ncluster.cluster_token = 'geheim\n"),
      what: ":2:32) is not TOML (",
    },
    {
      name: "not text",
      make: (path: string) => writeFileSync(path, Buffer.of(0xff, 0xfe, 0)),
      what: "its bytes are not UTF-8",
    },
  ])("is refused in one line: $name", ({ make, what }) => {
    const file = join(folder, "n.toml");
    make(file);
    const read = () => readTomlFile(file);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(what);
    expect(read).toThrow(/^bad configuration: the file \([^\n]*\) [^\n]*$/);
    expect(read).not.toThrow("geheim");
  });
});

describe("keyLines", () => {
  it("finds keys under headers, dotted, quoted, and behind values of many lines", () => {
    const text = [
      "# a = 1",
      "[one]",
      "a = [",
      "  'b = 1',",
      "  { c = ']' }, # ]",
      "]",
      'text = """',
      "d = 1",
      'e = "x" \\""" ""',
      '""""',
      "x.y = '''''' # '''",
      '[ two . "th.ree" ]',
      "  'f' = {",
      "  g = 1 }",
      "[[four]]",
      "h = 1",
    ].join("\n");
    parse(text.replace("{\n  g", "{ g"));
    const lines = keyLines(text);
    const at = (...path: string[]) => lines.lineOf(path);
    expect(at("one", "a")).toBe(3);
    expect(at("one", "text")).toBe(7);
    expect(at("one", "x", "y")).toBe(11);
    expect(at("two", "th.ree", "f")).toBe(13);
    expect(at("two", "th.ree", "f", "g")).toBe(13);
    expect(at("four", "h")).toBe(16);
    expect([at("d"), at("one", "d"), at("one", "b")]).toEqual([undefined, 2, 2]);
  });

  it("is not misled by quotes before the end of a text, nor by lists within lists", () => {
    const text = ['q = ["""a"""", "]"]', "r = [", "  ['s'],", "]", "t = 1"].join("\n");
    parse(text);
    expect(keyLines(text).lineOf(["t"])).toBe(5);
    expect(keyLines(text).lineOf(["s"])).toBeUndefined();
  });

  it("stays fast on what is long and deep", () => {
    const deep = `[${Array.from({ length: 100_000 }, () => "a").join(".")}]\nb = 1`;
    expect(() => resolveConfig([readToml(deep, "n.toml")])).toThrow("is not a setting");
    const quotes = `a = "${'\\"'.repeat(200_000)}"\nb = '''${"''a".repeat(100_000)}'''\nc = 1`;
    expect(keyLines(quotes).lineOf(["c"])).toBe(3);
  });
});

const address = fc
  .tuple(fc.stringMatching(/^[a-z][a-z0-9.-]{0,10}$/), fc.integer({ min: 1, max: 65_535 }))
  .map(([host, port]) => `${host}:${port}`);

function valueFor({ rule }: ConfigSetting): fc.Arbitrary<unknown> {
  switch (rule.kind) {
    case "choice":
      return fc.constantFrom(...rule.choices);
    case "text":
      return fc.string({ unit: "grapheme" });
    case "path":
      return fc.string({ unit: "grapheme", minLength: 1 }).filter((path) => !path.includes("\0"));
    case "address":
      return address;
    case "addresses":
      return fc.uniqueArray(address, { minLength: 1, maxLength: 5 });
    case "members":
      return fc
        .uniqueArray(address, { minLength: 1, maxLength: 5 })
        .map((all) => Object.fromEntries(all.map((one, at) => [at + 1, one])));
    case "number":
      return fc.double({ min: rule.min, max: rule.max, noNaN: true });
    default: {
      const { min, max, step = 1 } = rule;
      return fc
        .integer({ min: Math.ceil(min / step), max: Math.floor(max / step) })
        .map((count) => count * step);
    }
  }
}

const printable = SETTINGS.filter(({ secret }) => !secret);

describe("what is printed", () => {
  it.each(printable)("is read again as it was: $path", (setting) => {
    fc.assert(
      fc.property(valueFor(setting), (value) => {
        const options = { listen: "a:1", [setting.name]: value };
        let values: ReturnType<typeof resolveConfig>;
        try {
          values = resolveConfig([readOptions(options)]);
        } catch (error) {
          // Fine by itself, but not beside the defaults: not what this is about.
          expect((error as ConfigError).message).toContain("do not fit");
          return;
        }
        const effective = effectiveSettings(values);
        const again = resolveConfig([readToml(printedToml(effective), "printed")]);
        const { leaseDurationMs } = mergedValues(again);
        const first = { ...mergedValues(values), leaseDurationMs };
        expect(mergedValues(again)).toEqual(first);
        expect(effectiveSettings(again).map((one) => one.value)).toEqual(
          effective.map((one) => one.value),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("holds no secret", () => {
    const values = resolveConfig([readOptions({ clusterToken: "geheim" })]);
    expect(printedToml(effectiveSettings(values))).toContain("# cluster_token is set, not shown");
    expect(JSON.stringify(effectiveSettings(values))).not.toContain("geheim");
  });
});

describe("any text", () => {
  const scrap = fc.oneof(
    fc.constantFrom(...SETTINGS.flatMap(({ path, section }) => [path, `[${section}]`])),
    fc.constantFrom(
      "=",
      "\n",
      ".",
      "[",
      "]",
      "{",
      "}",
      '"""',
      "'",
      '"',
      "#",
      ",",
      " ",
      "__proto__",
    ),
    fc.constantFrom(
      "1",
      "-0",
      "nan",
      "1979-05-27",
      "0x10",
      "true",
      "'a:1'",
      "99999999999999999999",
    ),
    fc.string({ unit: "binary", maxLength: 8 }),
  );
  const line = fc
    .tuple(
      fc.constantFrom(...SETTINGS.map(({ path }) => path), "__proto__.a", "constructor"),
      scrap,
    )
    .map(([path, value]) => `${path} = ${value}\n`);

  it("is settings, or the one clear error", () => {
    const text = fc.oneof(fc.array(scrap), fc.array(line)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (toml) => {
        try {
          resolveConfig([readToml(toml, "n.toml")]);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as ConfigError).problems.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
