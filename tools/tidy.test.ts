import { describe, expect, it } from "vitest";
import {
  exists,
  listPaths,
  readEntryPoints,
  readManifests,
  readPackageIndexes,
  readSources,
  readText,
} from "./tidy/checkout.js";
import { findUndocumented } from "./tidy/doc-rules.js";
import {
  findCycles,
  findForbiddenDependencies,
  findForbiddenImports,
  findUnusedFiles,
} from "./tidy/import-rules.js";
import { findImpurity } from "./tidy/purity.js";
import type { Violation } from "./tidy/source.js";
import {
  findDeadLinks,
  findDefaultExports,
  findLeftovers,
  findLockGaps,
  findLongFiles,
  findRegistryHosts,
  findStarExports,
} from "./tidy/text-rules.js";

const files = readSources();
const manifests = readManifests();
const byPath = new Map(files.map((file) => [file.path, file]));

/** One readable line per finding, so that a failure says where to look. */
function expectNone(violations: readonly Violation[]): void {
  expect(violations.map(({ path, line, message }) => `${path}:${line} ${message}`)).toEqual([]);
}

describe("the sources of this checkout", () => {
  it("are read at all", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(manifests.map(({ folder }) => folder)).toContain("core");
  });

  it("keep clocks, chance and the platform out of core, codec, kv and the driver", () => {
    expectNone(files.flatMap(findImpurity));
  });

  it("import along the arrows between packages only", () => {
    expectNone(files.flatMap((file) => findForbiddenImports(file, manifests)));
    expectNone(manifests.flatMap((manifest) => findForbiddenDependencies(manifest, manifests)));
  });

  it("have no cycles among files", () => expectNone(findCycles(files)));

  it("have no file that nothing imports", () => {
    expectNone(findUnusedFiles(files, readEntryPoints()));
  });

  it("hold no focused or skipped test, no FIXME, no TODO without an issue", () => {
    expectNone(files.flatMap(findLeftovers));
  });

  it("export names, listed one by one in each index", () => {
    expectNone(files.flatMap(findDefaultExports));
    expectNone(files.flatMap(findStarExports));
  });

  it("stay within 400 lines a file", () => expectNone(files.flatMap(findLongFiles)));

  it.each(["d-engine", "client", "coordination", "testing"])(
    "document every public name of %s",
    (folder) => {
      const index = byPath.get(`packages/${folder}/src/index.ts`)!;
      expectNone(findUndocumented(index, byPath, readPackageIndexes()));
    },
  );

  it("lock every package, and no download host", () => {
    const lock = readText("package-lock.json");
    expectNone(findRegistryHosts("package-lock.json", lock));
    expectNone(findLockGaps("package-lock.json", lock));
  });

  it("link only to what exists", () => {
    const pages = listPaths().filter((path) => path.endsWith(".md"));
    expectNone(pages.flatMap((path) => findDeadLinks(path, readText(path), exists)));
  });
});
