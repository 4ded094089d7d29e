import { EngineError } from "@d-engine/core";

/** Where a value came from. */
export type ConfigOrigin = "default" | "file" | "environment" | "commandLine" | "option";

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The setting as its source calls it, or several that do not fit together. */
  readonly key: string;
  /** What was given, as text; `undefined` when no single value is to blame. Never a secret. */
  readonly value: string | undefined;
  readonly origin: ConfigOrigin;
  /** `node.toml:12`, `environment variable D_ENGINE__…`, `--node-id`, `option nodeId`. */
  readonly source: string;
  /** What must hold, with its bounds. */
  readonly problem: string;
  /** What to do. */
  readonly fix: string;
}

/** An `EngineError` with code `INVALID_REQUEST` that has every problem of a configuration. */
export class ConfigError extends EngineError {
  /** At most the first hundred; the message says how many more there are. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], moreProblems = 0) {
    super("INVALID_REQUEST", messageOf(problems, moreProblems));
    this.problems = problems;
  }
}

function messageOf(problems: readonly ConfigProblem[], moreProblems: number): string {
  const [only] = problems;
  if (only !== undefined && problems.length === 1) return `bad configuration: ${problemText(only)}`;
  const lines = problems.map((problem) => `\n  ${problemText(problem)}`);
  const more = moreProblems === 0 ? "" : `\n  and ${moreProblems} more`;
  return `bad configuration, ${problems.length + moreProblems} problems:${lines.join("")}${more}`;
}

function problemText({ key, value, source, problem, fix }: ConfigProblem): string {
  const what = value === undefined ? key : `${key} = ${value}`;
  return oneLine(`${what} (${source}) ${problem}: ${fix}`);
}

/** Names of files and variables may hold anything; one line of text is what people get to see. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Control}\p{Bidi_Control}]/gu, "?");
}
