import { resolveImport } from "./import-rules.js";
import { lineAt, type SourceFile, type Violation } from "./source.js";

interface ReExport {
  readonly name: string;
  /** The name at the place it comes from. */
  readonly original: string;
  readonly from: string | undefined;
  readonly offset: number;
}

/**
 * Every name that an index exports has a doc comment where it is declared. `packageIndexes` maps
 * package names to the paths of their indexes, so that re-exports are followed; names of packages
 * that are not ours are their authors' to document.
 */
export function findUndocumented(
  index: SourceFile,
  files: ReadonlyMap<string, SourceFile>,
  packageIndexes: ReadonlyMap<string, string>,
): Violation[] {
  return reExports(index).flatMap(({ name, offset }) => {
    const problem = undocumented(name, index, files, packageIndexes);
    return problem === undefined
      ? []
      : [{ path: index.path, line: lineAt(index.text, offset), message: problem }];
  });
}

function undocumented(
  name: string,
  file: SourceFile,
  files: ReadonlyMap<string, SourceFile>,
  packageIndexes: ReadonlyMap<string, string>,
): string | undefined {
  const declared = declarationOffset(file, name);
  if (declared !== undefined) {
    const before = file.text.slice(0, declared).trimEnd();
    const comment = before.slice(before.lastIndexOf("/*"));
    if (comment.startsWith("/**") && before.endsWith("*/")) return undefined;
    return `${name} has no doc comment (${file.path}:${lineAt(file.text, declared)})`;
  }
  const found = reExports(file).find((reExport) => reExport.name === name);
  if (found === undefined) return `${name} is not declared in ${file.path}`;
  if (found.from === undefined) return `${name} is not declared in ${file.path}`;
  const local = found.from.startsWith(".");
  const target = local
    ? resolveImport(file.path, found.from, new Set(files.keys()))
    : packageIndexes.get(found.from);
  if (target === undefined) return local ? `${name} comes from nowhere: ${found.from}` : undefined;
  const next = files.get(target);
  if (next === undefined) return `${name} comes from nowhere: ${target}`;
  return undocumented(found.original, next, files, packageIndexes);
}

function declarationOffset(file: SourceFile, name: string): number | undefined {
  const kinds = "class|interface|type|enum|function\\*?|const|let";
  const pattern = new RegExp(
    `^export\\s+(?:declare\\s+)?(?:abstract\\s+)?(?:async\\s+)?(?:${kinds})\\s+${name}\\b`,
    "m",
  );
  return pattern.exec(file.code)?.index;
}

/** The names listed in `export { … }` and `export { … } from "…"`. */
function reExports(file: SourceFile): ReExport[] {
  const lists = file.code.matchAll(/\bexport\s+(?:type\s+)?\{([^}]*)\}(?:\s*from\s*["']([ ]*))?/g);
  return [...lists].flatMap((list) => {
    const end = list.index + list[0].length;
    const from = list[2] === undefined ? undefined : file.text.slice(end - list[2].length, end);
    return list[1]!.split(",").flatMap((item) => {
      const [original, name] = item
        .trim()
        .replace(/^type\s+/, "")
        .split(/\s+as\s+/);
      if (!original) return [];
      return [{ name: name ?? original, original, from, offset: list.index }];
    });
  });
}
