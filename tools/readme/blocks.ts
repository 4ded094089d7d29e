/** One example of a Markdown page that is marked to be run: ` ```ts run ` or ` ```sh run server `. */
export interface RunnableBlock {
  readonly language: "ts" | "sh";
  /** Expects a node on 127.0.0.1:9081. */
  readonly needsServer: boolean;
  /** Line of its opening fence, from 1. */
  readonly line: number;
  readonly code: string;
  /** The next block, when it is a `text` one: what the example prints. */
  readonly prints: string | undefined;
}

interface Fence {
  readonly info: string;
  readonly line: number;
  readonly code: string;
}

/** The marked examples of a page, in order. Throws on a mark that it does not know. */
export function runnableBlocks(markdown: string): RunnableBlock[] {
  const fences = allFences(markdown);
  return fences.flatMap(({ info, line, code }, number) => {
    const [language, mark, ...rest] = info.split(/\s+/);
    if (mark === undefined) return [];
    const needsServer = rest[0] === "server";
    const known = (language === "ts" || language === "sh") && mark === "run";
    if (!known || rest.length > (needsServer ? 1 : 0)) {
      throw new Error(`line ${line}: cannot run a block marked "${info}"`);
    }
    const next = fences[number + 1];
    const prints = next?.info === "text" ? next.code : undefined;
    return [{ language, needsServer, line, code, prints }];
  });
}

function allFences(markdown: string): Fence[] {
  return [...markdown.matchAll(/^```(\S[^\n]*)\n(.*?)^```$/gms)].map((match) => ({
    info: match[1]!.trim(),
    line: markdown.slice(0, match.index).split("\n").length,
    code: match[2]!,
  }));
}
