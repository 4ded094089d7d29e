import { lineAt, matches, type SourceFile, type Violation } from "./source.js";

const linesMax = 400;

/** Traces of unfinished work: focused or skipped tests, notes to self without an issue. */
export function findLeftovers(file: SourceFile): Violation[] {
  return [
    ...matches(
      file,
      "code",
      /\b(?:it|test|describe|suite|bench)(?:\.\w+)*\.(?:only|skip|todo)\b/g,
      (found) => `${found} hides tests`,
    ),
    ...matches(file, "comments", /\b(?:FIXME|XXX|HACK)\b/g, (found) => `${found} is left over`),
    ...matches(file, "comments", /\bTODO\b(?!\(#\d+\))/g, () => "TODO names no issue: TODO(#12)"),
    ...matches(file, "comments", /@ts-(?:ignore|nocheck)\b/g, (found) => `${found} hides errors`),
  ];
}

/** Names are exported, so that they are the same everywhere and can be searched for. */
export function findDefaultExports(file: SourceFile): Violation[] {
  if (file.path === "vitest.config.ts") return []; // vitest asks for one
  const pattern = /\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/g;
  return matches(file, "code", pattern, () => "exports a default; export a name");
}

/** The public names of a package stand in its index, one by one. */
export function findStarExports(file: SourceFile): Violation[] {
  if (!file.path.endsWith("/index.ts") || file.path.startsWith("packages/proto/")) return [];
  return matches(file, "code", /\bexport\s+(?:type\s+)?\*/g, () => "export *: list the names");
}

/** A source that outgrows its bound decides more than one thing. Tests may be long lists. */
export function findLongFiles(file: SourceFile): Violation[] {
  if (/\.test\.ts$|\/test\/|\/testing\//.test(file.path)) return [];
  const lines = lineAt(file.text, file.text.trimEnd().length);
  if (lines <= linesMax) return [];
  return [
    { path: file.path, line: lines, message: `has ${lines} lines, the bound is ${linesMax}` },
  ];
}

/** A lock file that names a download host ties every checkout to that host. */
export function findRegistryHosts(path: string, text: string): Violation[] {
  return [...text.matchAll(/"resolved": *"https?:\/\/([^/"]+)/g)].map((match) => ({
    path,
    line: lineAt(text, match.index),
    message: `names the host ${match[1]}; set omit-lockfile-registry-resolved and install anew`,
  }));
}

/**
 * `npm ci` refuses a lock file that lacks any optional package, also one for another platform. npm
 * writes such a file where a registry does not have them all, without a word.
 */
export function findLockGaps(path: string, text: string): Violation[] {
  const { packages } = JSON.parse(text) as {
    readonly packages: Readonly<Record<string, { readonly optionalDependencies?: object }>>;
  };
  const locked = new Set(Object.keys(packages).map((key) => key.split("node_modules/").at(-1)));
  return Object.entries(packages).flatMap(([key, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !locked.has(name))
      .map((name) => ({
        path,
        line: lineAt(text, text.indexOf(`"${key}"`)),
        message: `lacks ${name}, an optional package of ${key}: npm ci would refuse it`,
      })),
  );
}

/** Relative links of a Markdown file must lead somewhere; `exists` gets a path from the root. */
export function findDeadLinks(
  path: string,
  text: string,
  exists: (path: string) => boolean,
): Violation[] {
  const folder = path.split("/").slice(0, -1);
  return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)].flatMap(
    (match) => {
      const target = resolveFrom(folder, match[1]!);
      if (target !== undefined && exists(target)) return [];
      return [
        { path, line: lineAt(text, match.index), message: `links to ${match[1]}: not there` },
      ];
    },
  );
}

/** Joins a relative path to a folder; `undefined` when it leaves the root. */
export function resolveFrom(folder: readonly string[], relative: string): string | undefined {
  const parts = [...folder];
  for (const part of relative.split("/")) {
    if (part === "." || part === "") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}
