import { describe, expect, it } from "vitest";
import { findUndocumented } from "./doc-rules.js";
import {
  findCycles,
  findForbiddenDependencies,
  findForbiddenImports,
  findUnusedFiles,
  type Manifest,
} from "./import-rules.js";
import { findImpurity } from "./purity.js";
import { sourceFile } from "./source.js";
import {
  findDeadLinks,
  findDefaultExports,
  findLeftovers,
  findLockGaps,
  findLongFiles,
  findRegistryHosts,
  findStarExports,
} from "./text-rules.js";

const core = "packages/core/src/a.ts";
const driver = "packages/server/src/driver/a.ts";

const manifests: readonly Manifest[] = [
  { folder: "core", name: "@d-engine/core", dependencies: [] },
  { folder: "kv", name: "@d-engine/kv", dependencies: ["@d-engine/core", "sorted-btree"] },
  { folder: "server", name: "@d-engine/server", dependencies: ["@d-engine/core", "@d-engine/kv"] },
  { folder: "simulator", name: "@d-engine/simulator", dependencies: ["@d-engine/server"] },
];

describe("findImpurity", () => {
  it.each([
    { name: "Date", path: core, text: "const t = Date.now();" },
    { name: "Math.random", path: core, text: "const r = Math.random();" },
    { name: "a timer", path: "packages/kv/src/a.ts", text: "setTimeout(f, 1);" },
    { name: "a locale", path: "packages/codec/src/a.ts", text: "a.localeCompare(b);" },
    { name: "a way around the compiler", path: core, text: "declare const Buffer: any;" },
    { name: "node:*", path: core, text: 'import { readFileSync } from "node:fs";' },
    { name: "node:* at run time", path: core, text: 'const fs = await import("node:fs");' },
    { name: "node:* in the driver", path: driver, text: 'import fs from "node:fs";' },
    { name: "gRPC in the driver", path: driver, text: 'import * as g from "@grpc/grpc-js";' },
    { name: "a clock in the driver", path: driver, text: "const t = Date.now();" },
    { name: "a timer in the driver", path: driver, text: "setTimeout(() => tick(), 10);" },
    { name: "code within a template", path: core, text: "const a = `x${Date.now()}`;" },
  ])("finds $name", ({ path, text }) => {
    expect(findImpurity(sourceFile(path, text))).toHaveLength(1);
  });

  it.each([
    { name: "words in comments", path: core, text: "// Date.now() would be wrong" },
    { name: "words in strings", path: core, text: 'throw new Error("process Date");' },
    { name: "tests", path: "packages/core/src/a.test.ts", text: "Date.now();" },
    { name: "test equipment", path: "packages/core/src/testing/a.ts", text: "Date.now();" },
    { name: "packages that may", path: "packages/storage/src/a.ts", text: "Date.now();" },
    { name: "names that contain one", path: core, text: "const upDate = isDated(processed);" },
  ])("leaves $name alone", ({ path, text }) => {
    expect(findImpurity(sourceFile(path, text))).toEqual([]);
  });
});

describe("findForbiddenImports", () => {
  it.each([
    { name: "against the arrow", path: core, text: 'import { a } from "@d-engine/kv";' },
    { name: "of a type against it", path: core, text: 'import type { A } from "@d-engine/kv";' },
    { name: "by re-export", path: core, text: 'export { a } from "@d-engine/kv";' },
    { name: "over lines", path: core, text: 'import {\n  a,\n  b,\n} from "@d-engine/kv";' },
    { name: "for effect", path: core, text: 'import "@d-engine/kv";' },
    { name: "not in the manifest", path: "packages/kv/src/a.ts", text: 'import p from "pino";' },
    { name: "of itself", path: core, text: 'import { a } from "@d-engine/core";' },
    {
      name: "of more than the driver",
      path: "packages/simulator/src/a.ts",
      text: 'import { a } from "@d-engine/server";',
    },
  ])("finds an import $name", ({ path, text }) => {
    expect(findForbiddenImports(sourceFile(path, text), manifests)).toHaveLength(1);
  });

  it.each([
    { path: "packages/kv/src/a.ts", text: 'import { a } from "@d-engine/core";' },
    { path: "packages/kv/src/a.ts", text: 'import b from "sorted-btree";' },
    { path: "packages/simulator/src/a.ts", text: 'import { a } from "@d-engine/server/driver";' },
    { path: "packages/core/src/a.test.ts", text: 'import { it } from "vitest";' },
    { path: "packages/core/src/testing/a.ts", text: 'import { it } from "vitest";' },
    { path: core, text: '// import { a } from "@d-engine/kv";' },
  ])("allows $text in $path", ({ path, text }) => {
    expect(findForbiddenImports(sourceFile(path, text), manifests)).toEqual([]);
  });
});

describe("findForbiddenDependencies", () => {
  it.each([
    { name: "a package against the arrow", folder: "core", dependencies: ["@d-engine/kv"] },
    { name: "any third-party package in core", folder: "core", dependencies: ["lodash"] },
    { name: "a second third-party package in kv", folder: "kv", dependencies: ["lodash"] },
    { name: "a package without arrows", folder: "new", dependencies: [] },
  ])("finds $name", ({ folder, dependencies }) => {
    const manifest = { folder, name: folder, dependencies };
    expect(findForbiddenDependencies(manifest, manifests)).toHaveLength(1);
  });

  it("allows what the arrows allow", () => {
    for (const manifest of manifests.slice(0, 3)) {
      expect(findForbiddenDependencies(manifest, manifests)).toEqual([]);
    }
  });
});

describe("findCycles", () => {
  it("finds a cycle once, through re-exports too", () => {
    const found = findCycles([
      sourceFile("a.ts", 'import { type B, b } from "./x/b.js";'),
      sourceFile("x/b.ts", 'export { c } from "../c.js";'),
      sourceFile("c.ts", 'import { a } from "./a.js";'),
    ]);
    expect(found.map(({ message }) => message)).toEqual([
      "is in a cycle: a.ts -> x/b.ts -> c.ts -> a.ts",
    ]);
  });

  it("leaves types alone, which are gone when the program runs", () => {
    const found = findCycles([
      sourceFile("a.ts", 'import type { B } from "./b.js";'),
      sourceFile("b.ts", 'import { a } from "./a.js";'),
    ]);
    expect(found).toEqual([]);
  });

  it("allows two ways to one file", () => {
    const found = findCycles([
      sourceFile("a.ts", 'import "./b.js";\nimport "./c.js";'),
      sourceFile("b.ts", 'import "./c.js";'),
      sourceFile("c.ts", ""),
    ]);
    expect(found).toEqual([]);
  });
});

describe("findUnusedFiles", () => {
  it("finds a file that nothing imports; entry points and tests need no importer", () => {
    const found = findUnusedFiles(
      [
        sourceFile("p/bin.js", 'import "./dist/index.js";'),
        sourceFile(
          "p/src/index.ts",
          'export { a } from "../../a.js";\nnew URL("../../w.js", import.meta.url);',
        ),
        sourceFile("a.ts", ""),
        sourceFile("w.ts", ""),
        sourceFile("dead.ts", ""),
        sourceFile("a.test.ts", ""),
      ],
      new Set(["p/bin.js"]),
    );
    expect(found.map(({ path }) => path)).toEqual(["dead.ts"]);
  });
});

describe("findLeftovers", () => {
  it.each([
    'it.only("x", f);',
    'describe.skip("x", f);',
    'it.concurrent.only("x", f);',
    "// FIXME",
    "/* later: TODO */",
    "// @ts-ignore",
  ])("finds %s", (text) => {
    expect(findLeftovers(sourceFile("a.test.ts", text))).toHaveLength(1);
  });

  it.each(['it.skipIf(root)("x", f);', "// TODO(#12): later", 'const a = "FIXME";', "only()"])(
    "leaves %s alone",
    (text) => expect(findLeftovers(sourceFile("a.test.ts", text))).toEqual([]),
  );
});

describe("the rules on exports", () => {
  it.each(["export default class A {}", "export { a as default };"])("find %s", (text) => {
    expect(findDefaultExports(sourceFile("a.ts", text))).toHaveLength(1);
  });

  it("find export * in an index, but not in that of the generated code", () => {
    const text = 'export * from "./a.js";\nexport type * from "./b.js";';
    expect(findStarExports(sourceFile("packages/kv/src/index.ts", text))).toHaveLength(2);
    expect(findStarExports(sourceFile("packages/proto/src/index.ts", text))).toEqual([]);
  });
});

describe("findLongFiles", () => {
  it.each([
    { path: "a.ts", lines: 400, found: 0 },
    { path: "a.ts", lines: 401, found: 1 },
    { path: "a.test.ts", lines: 401, found: 0 },
  ])("finds $found in $path of $lines lines", ({ path, lines, found }) => {
    expect(findLongFiles(sourceFile(path, "x;\n".repeat(lines)))).toHaveLength(found);
  });
});

describe("findRegistryHosts", () => {
  it("finds a download address, and leaves links to sponsors alone", () => {
    const lock = '"funding": { "url": "https://x.org" },\n"resolved": "https://r.org/a.tgz"';
    expect(findRegistryHosts("package-lock.json", lock)).toMatchObject([{ line: 2 }]);
  });
});

describe("findLockGaps", () => {
  const lock = (packages: object) => JSON.stringify({ packages }, undefined, 1);
  const tool = { optionalDependencies: { "@tool/linux": "1.0.0", "@tool/mac": "1.0.0" } };

  it("finds an optional package without an entry, at any depth", () => {
    const text = lock({ "": {}, "node_modules/tool": tool, "node_modules/@tool/linux": {} });
    expect(findLockGaps("package-lock.json", text)).toMatchObject([
      { line: 4, message: expect.stringContaining("lacks @tool/mac") },
    ]);
  });

  it("accepts a lock file with all of them", () => {
    const nested = "node_modules/tool/node_modules/@tool/mac";
    const text = lock({ "node_modules/tool": tool, "node_modules/@tool/linux": {}, [nested]: {} });
    expect(findLockGaps("package-lock.json", text)).toEqual([]);
  });
});

describe("findDeadLinks", () => {
  it("finds a relative link that leads nowhere or out of the checkout", () => {
    const text = "[a](b.md) [c](../x.md#part) [d](https://x.org) [e](#here) [f](../../y)";
    const found = findDeadLinks("docs/a.md", text, (path) => path === "x.md");
    expect(found.map(({ message }) => message)).toEqual([
      "links to b.md: not there",
      "links to ../../y: not there",
    ]);
  });
});

describe("findUndocumented", () => {
  const indexes = new Map([["@d-engine/core", "packages/core/src/index.ts"]]);
  const check = (texts: Readonly<Record<string, string>>) => {
    const files = Object.entries(texts).map(([path, text]) => sourceFile(path, text));
    const byPath = new Map(files.map((file) => [file.path, file]));
    return findUndocumented(files[0]!, byPath, indexes).map(({ message }) => message);
  };

  it("finds a name whose declaration has no doc comment", () => {
    const texts = {
      "index.ts": 'export { a } from "./a.js";',
      "a.ts": "// no\nexport const a = 1;",
    };
    expect(check(texts)).toEqual(["a has no doc comment (a.ts:2)"]);
  });

  it("follows renames and other packages", () => {
    const texts = {
      "index.ts": 'export { type B as A } from "@d-engine/core";',
      "packages/core/src/index.ts": 'export type { B } from "./b.js";',
      "packages/core/src/b.ts": "export interface B {}",
    };
    expect(check(texts)).toEqual(["B has no doc comment (packages/core/src/b.ts:1)"]);
  });

  it("accepts documented names, and those of packages that are not ours", () => {
    const texts = {
      "index.ts": 'export { a, b } from "./a.js";\nexport { status } from "@grpc/grpc-js";',
      "a.ts": "/** One. */\nexport const a = 1;\n/**\n * Two.\n */\nexport async function b() {}",
    };
    expect(check(texts)).toEqual([]);
  });

  it("finds a name that is declared nowhere", () => {
    expect(check({ "index.ts": 'export { a } from "./a.js";' })).toEqual([
      "a comes from nowhere: ./a.js",
    ]);
  });
});

describe("sourceFile", () => {
  it("tells code, comments, strings, templates and regular expressions apart", () => {
    const text =
      'const a = /[/*]\'/; // Date\nconst b = `${c ? `}` : "x"} y`; /* Date */ f(1 / 2);';
    const file = sourceFile("a.ts", text);
    expect(file.code).toHaveLength(text.length);
    expect(file.code.replace(/ +/g, " ")).toBe(
      'const a = / /; \nconst b = `${c ? ` ` : " "} `; f(1 / 2);',
    );
    expect(file.comments.trim().replace(/\s+/g, " ")).toBe("// Date /* Date */");
  });
});
