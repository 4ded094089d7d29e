import type { ImportStatement, SourceFile, Violation } from "./source.js";
import { resolveFrom } from "./text-rules.js";

/** What the rules need of one package.json. */
export interface Manifest {
  /** The folder below `packages/`. */
  readonly folder: string;
  readonly name: string;
  readonly dependencies: readonly string[];
}

/**
 * Which packages of ours each package may import: an arrow that is not here is a design decision,
 * to be taken in ARCHITECTURE.md first.
 */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  proto: [],
  core: [],
  codec: ["core"],
  kv: ["core", "codec"],
  storage: ["core", "codec"],
  client: ["core", "codec", "proto"],
  // The clock and the errors of core are what recipes are written with.
  coordination: ["core", "client"],
  server: ["core", "codec", "kv", "storage", "proto", "client"],
  // The ids, errors and ports of core are part of what users see.
  "d-engine": ["core", "server", "client", "coordination"],
  simulator: ["core", "codec", "kv", "storage", "client", "coordination", "server"],
  // Ports and errors of core are part of what users implement and see.
  testing: ["core", "simulator", "client"],
};

/** Third-party packages of those that are kept lean on purpose. */
const thirdPartyAllowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  codec: [],
  kv: ["sorted-btree"],
};

/** What exported test suites stand on; named as optional peers, so that users need not have it. */
const testEquipment: ReadonlySet<string> = new Set(["vitest", "fast-check"]);

/** A package imports along the arrows only, and nothing that its manifest does not name. */
export function findForbiddenImports(
  file: SourceFile,
  manifests: readonly Manifest[],
): Violation[] {
  const manifest = manifests.find(({ folder }) => file.path.startsWith(`packages/${folder}/src/`));
  if (manifest === undefined || file.path.endsWith(".test.ts")) return [];
  const inTesting = file.path.includes("/testing/");
  return file.imports.flatMap((statement) => {
    const { specifier, line } = statement;
    if (/^(?:\.|node:|\/)/.test(specifier)) return [];
    const name = packageName(specifier);
    if (inTesting && testEquipment.has(name)) return [];
    const problem = forbidden(manifest, manifests, name, specifier);
    return problem === undefined ? [] : [{ path: file.path, line, message: problem }];
  });
}

function forbidden(
  manifest: Manifest,
  manifests: readonly Manifest[],
  name: string,
  specifier: string,
): string | undefined {
  if (name === manifest.name) return `imports ${specifier}, its own package, by name`;
  const target = manifests.find((other) => other.name === name);
  if (target !== undefined) {
    if (!ARROWS[manifest.folder]?.includes(target.folder)) {
      return `imports ${specifier}: no arrow from ${manifest.folder} to ${target.folder}`;
    }
    const driverOnly = manifest.folder === "simulator" && target.folder === "server";
    if (driverOnly && !specifier.endsWith("/driver")) return `imports more of server than driver`;
  }
  if (!manifest.dependencies.includes(name)) {
    return `imports ${name}, which packages/${manifest.folder}/package.json does not name`;
  }
  return undefined;
}

/** Manifests keep to the arrows too, or npm would install what may not be imported. */
export function findForbiddenDependencies(
  manifest: Manifest,
  manifests: readonly Manifest[],
): Violation[] {
  const path = `packages/${manifest.folder}/package.json`;
  const arrows = ARROWS[manifest.folder];
  if (arrows === undefined) return [{ path, line: 1, message: "has no line in ARROWS" }];
  return manifest.dependencies.flatMap((name) => {
    if (testEquipment.has(name)) return [];
    const folder = manifests.find((other) => other.name === name)?.folder;
    const allowed = folder === undefined ? thirdPartyAllowed[manifest.folder] : arrows;
    if (allowed === undefined || allowed.includes(folder ?? name)) return [];
    return [{ path, line: 1, message: `depends on ${name}, which is not allowed` }];
  });
}

/** `@scope/name/deep` is of the package `@scope/name`. */
function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/**
 * Finds files by what is written in an import: `./a.js` may stand for `a.ts`, and a file of `dist`
 * for the one of `src` that it is built from.
 */
export function resolveImport(
  from: string,
  specifier: string,
  paths: ReadonlySet<string>,
): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const target = resolveFrom(from.split("/").slice(0, -1), specifier);
  if (target === undefined) return undefined;
  const source = target.replace(/\.js$/, ".ts");
  return [target, source, source.replace("/dist/", "/src/")].find((path) => paths.has(path));
}

/** A file that nothing imports and nothing starts is dead. */
export function findUnusedFiles(
  files: readonly SourceFile[],
  entryPoints: ReadonlySet<string>,
): Violation[] {
  const imported = new Set([...importGraph(files, () => true).values()].flat());
  return files
    .filter(({ path }) => !imported.has(path) && !entryPoints.has(path))
    .filter(({ path }) => !/\.test\.ts$/.test(path))
    .map(({ path }) => ({ path, line: 1, message: "is imported by nothing" }));
}

/**
 * Every cycle among files is reported once, at its first file by name. Imports of types alone do
 * not count: they are gone when the program runs, so no file meets another half loaded.
 */
export function findCycles(files: readonly SourceFile[]): Violation[] {
  const graph = importGraph(files, ({ typeOnly }) => !typeOnly);
  const state = new Map<string, "open" | "done">();
  const found: Violation[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      const cycle = trail.slice(trail.indexOf(path));
      found.push({ path, line: 1, message: `is in a cycle: ${[...cycle, path].join(" -> ")}` });
      return;
    }
    state.set(path, "open");
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of [...graph.keys()].sort()) visit(path, []);
  return found;
}

function importGraph(
  files: readonly SourceFile[],
  counts: (statement: ImportStatement) => boolean,
): Map<string, readonly string[]> {
  const paths = new Set(files.map(({ path }) => path));
  const targets = (path: string, imports: readonly ImportStatement[]) =>
    imports.filter(counts).flatMap(({ specifier }) => resolveImport(path, specifier, paths) ?? []);
  return new Map(files.map(({ path, imports }) => [path, targets(path, imports)]));
}
