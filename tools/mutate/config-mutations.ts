import type { Mutation } from "./mutation.js";

const config = "packages/d-engine/src/config";

/** Settings: what is wrong is told, at its place, and no secret with it. */
export const configMutations: readonly Mutation[] = [
  {
    name: "config-file-outweighs-environment",
    breaks: "the order of sources",
    file: `${config}/load-config.ts`,
    find: "[fromFile, readEnvironment(sources.environment ?? {}), last]",
    replace: "[readEnvironment(sources.environment ?? {}), fromFile, last]",
    tests: [`${config}/load-config.test.ts`],
  },
  {
    name: "config-set-twice",
    breaks: "one setting has one value in a source",
    file: `${config}/resolve-config.ts`,
    find: "if (before !== undefined) {",
    replace: "if (before === given) {",
    tests: [`${config}/resolve-config.test.ts`],
  },
  {
    name: "config-error-shows-secret",
    breaks: "secrets never in messages",
    file: `${config}/shown-value.ts`,
    find: 'if (setting.secret) return "(not shown)";',
    replace: "",
    tests: [`${config}/resolve-config.test.ts`],
  },
  {
    name: "config-print-shows-secret",
    breaks: "secrets never printed",
    file: `${config}/print-config.ts`,
    find: 'value: setting.secret ? "(not shown)" : placed.value',
    replace: "value: placed.value",
    tests: [`${config}/toml-file.test.ts`],
  },
  {
    name: "config-parser-shows-line",
    breaks: "secrets never in messages",
    file: `${config}/toml-file.ts`,
    find: 'message.split("\\n", 1)[0]!',
    replace: "message",
    tests: [`${config}/toml-file.test.ts`],
  },
  {
    name: "config-depth-unbounded",
    breaks: "everything is bounded",
    file: `${config}/toml-file.ts`,
    find: "if (!isTable(raw) || depth >= depthMax) return false;",
    replace: "if (!isTable(raw)) return false;",
    tests: [`${config}/toml-file.test.ts`],
  },
];
