/** One deliberate bug, as a replacement of text in one source file. */
export interface Mutation {
  /** Stable and unique; `--only` takes it. */
  readonly name: string;
  /** The rule, invariant or scenario that the bug breaks. */
  readonly breaks: string;
  /** Relative to the root of the checkout. */
  readonly file: string;
  /** Stands exactly once in `file`, so that nobody moves the code without moving this. */
  readonly find: string;
  readonly replace: string;
  /** Paths of tests, as vitest takes them, of which at least one must fail. */
  readonly tests: readonly string[];
}

/** `source` with the bug in it. Throws unless the text to replace stands there exactly once. */
export function applyMutation(source: string, { name, file, find, replace }: Mutation): string {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(
      `${name}: the text to replace stands ${parts.length - 1} times in ${file}, it must stand ` +
        "there once; follow the code in tools/mutate",
    );
  }
  return parts.join(replace);
}
