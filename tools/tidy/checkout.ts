import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Manifest } from "./import-rules.js";
import { type SourceFile, sourceFile } from "./source.js";

const root = join(import.meta.dirname, "..", "..");

/** What is not ours, not source, or generated. */
const skipped: ReadonlySet<string> = new Set(
  "node_modules dist gen coverage data .git .tmp .bench .crash-test .chaos".split(" "),
);

/** All paths of the checkout that rules look at, relative to its root, sorted. */
export function listPaths(folder = ""): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !skipped.has(name))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? listPaths(path) : [path];
    })
    .sort();
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function exists(path: string): boolean {
  return existsSync(join(root, path));
}

export function readSources(): SourceFile[] {
  return listPaths()
    .filter((path) => /\.(?:ts|mts|mjs|js)$/.test(path))
    .map((path) => sourceFile(path, readText(path)));
}

interface PackageJson {
  readonly name: string;
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export function readManifests(): Manifest[] {
  return packageFolders().map((folder) => {
    const manifest = readPackageJson(`packages/${folder}/package.json`);
    const dependencies = { ...manifest.dependencies, ...manifest.peerDependencies };
    return { folder, name: manifest.name, dependencies: Object.keys(dependencies) };
  });
}

/** Package name to the path of its index. */
export function readPackageIndexes(): Map<string, string> {
  return new Map(
    readManifests().map(({ folder, name }) => [name, `packages/${folder}/src/index.ts`]),
  );
}

/** Files that are started or loaded by name: exports, commands, scripts, configuration. */
export function readEntryPoints(): Set<string> {
  const found = new Set(["vitest.config.ts"]);
  for (const folder of packageFolders()) {
    const manifest = readPackageJson(`packages/${folder}/package.json`);
    const sources = Object.values(manifest.exports ?? {}).map(
      (target) => target["d-engine-source"],
    );
    for (const path of [...sources, ...Object.values(manifest.bin ?? {})]) {
      if (path !== undefined) found.add(`packages/${folder}/${asSource(path)}`);
    }
  }
  const scripts = Object.values(readPackageJson("package.json").scripts ?? {}).join(" ");
  for (const [path] of scripts.matchAll(/[\w./-]+\.m?js\b/g)) found.add(asSource(path));
  for (const path of listPaths("examples")) found.add(path); // started by hand
  for (const path of listPaths("tools")) if (path.endsWith("-main.ts")) found.add(path); // spawned
  return found;
}

/** `./dist/cli/main.js` is built from `src/cli/main.ts`; `bench/dist/main.js` from `bench/main.ts`. */
function asSource(path: string): string {
  const plain = path.replace(/^\.\//, "");
  if (plain.startsWith("dist/")) return plain.replace(/^dist/, "src").replace(/\.js$/, ".ts");
  return plain.replace(/\/dist\/(.*)\.js$/, "/$1.ts");
}

function packageFolders(): string[] {
  return readdirSync(join(root, "packages")).filter((name) =>
    existsSync(join(root, "packages", name, "package.json")),
  );
}

function readPackageJson(path: string): PackageJson {
  return JSON.parse(readText(path)) as PackageJson;
}
