import { demandWithUnit } from "./describe-settings.js";
import { type ConfigSetting, SETTINGS } from "./schema.js";
import { UPSTREAM_KEYS, UPSTREAM_REFUSED } from "./upstream-keys.js";

const INTRODUCTION = `# Configuration

Every setting has a default that suits most, one name, and one meaning wherever it is given. Sources
outweigh each other in this order, the last one most:

1. the defaults below;
2. a TOML file, \`--config FILE\` or the one that the variable \`CONFIG_PATH\` names;
3. the environment: \`D_ENGINE__\` and the key in capitals, with two underscores for each dot;
4. flags of \`d-engine start\`;
5. for programs: \`overrides\` of \`loadConfig\`, and the options of \`EmbeddedEngine.start\`.

A node reads its settings when it starts, and takes the environment and \`CONFIG_PATH\` into account
only on the command line: an embedded engine looks at nothing that it is not given. A relative path is
relative to the working directory.

\`\`\`toml
[cluster]
node_id = 1
initial_cluster = [
  { id = 1, address = "10.0.0.1:9081" },
  { id = 2, address = "10.0.0.2:9081" },
  { id = 3, address = "10.0.0.3:9081" },
]

[raft.election]
election_timeout_ms = 1500
\`\`\`

\`\`\`sh
d-engine config check --config node.toml    # all problems at once, with line, bound and what to do
d-engine config print --config node.toml    # what is in force, and where each value comes from
d-engine config defaults > node.toml        # every setting, commented out
D_ENGINE__CLUSTER__NODE_ID=2 d-engine start --config node.toml
\`\`\`

\`\`\`ts
import { EmbeddedEngine, loadConfig } from "d-engine";

const config = loadConfig({ file: "node.toml", environment: process.env });
await using engine = await EmbeddedEngine.start(config);
\`\`\`

A value that cannot be, an unknown key, a key given twice and settings that do not fit together are
errors, and all of them are told together: a node with a misspelt setting does not start. A variable
that is empty counts as absent. \`config print\` never shows a secret.

These must fit together:

- \`election_timeout_ms\` is at least three times \`heartbeat_interval_ms\`.
- \`lease_duration_ms\` is below \`election_timeout_ms\` x (1 - \`clock_drift_max\`); left out, it follows.
- \`segment_bytes\` holds the largest command: a key, two values and 4 KiB.
- \`log_bytes_max\` is at least \`log_tail_bytes\` + \`snapshot_log_bytes\` + four segments.
- \`join\` and \`initial_cluster\` exclude each other.

Settings may differ between the members of a cluster and are changed in a rolling restart: a voter
keeps the promises that it made under the old ones. What says that it is used once is recorded when the
data directory is made.
`;

const UPSTREAM = `## Files of d-engine for Rust

Its keys are taken where they mean the same, and its variables: \`RAFT__CLUSTER__NODE_ID\`. A leading
\`raft\` may be left out there: \`RAFT__ELECTION__ELECTION_TIMEOUT_MIN\`. Everything else of it is
refused, with what to do instead, because who sets it expects something of it.
`;

/** `docs/configuration.md`, the whole of it. */
export function configurationPage(): string {
  const sections = [...new Set(SETTINGS.map(({ section }) => section))];
  return [INTRODUCTION, ...sections.map(sectionText), UPSTREAM, takenText(), refusedText()].join(
    "\n",
  );
}

function sectionText(section: string): string {
  const own = SETTINGS.filter((setting) => setting.section === section);
  return [
    `## \`[${section}]\``,
    "",
    "| Key | Default | Must be | Meaning | Option, flag |",
    "| --- | --- | --- | --- | --- |",
    ...own.map(row),
    "",
  ].join("\n");
}

function row(setting: ConfigSetting): string {
  const { key, usual, description, name, flag } = setting;
  const shown = usual === undefined || usual === "" ? "–" : `\`${String(usual)}\``;
  const meaning = `${description[0]!.toUpperCase()}${description.slice(1)}.`;
  const demand = demandWithUnit(setting).replaceAll("|", "\\|");
  return `| \`${key}\` | ${shown} | ${demand} | ${meaning} | \`${name}\`, \`${flag}\` |`;
}

function takenText(): string {
  const rows = SETTINGS.flatMap(({ path, upstream }) =>
    upstream.map((key) => `| \`${key}\` | \`${path}\`${wordsOf(key)} |`),
  );
  return ["| Key there | Key here |", "| --- | --- |", ...rows, ""].join("\n");
}

function wordsOf(key: string): string {
  const words = Object.entries(UPSTREAM_KEYS[key]?.values ?? {});
  if (words.length === 0) return "";
  return `; ${words.map(([there, here]) => `\`${there}\` is \`${here}\``).join(", ")}`;
}

function refusedText(): string {
  const rows = Object.entries(UPSTREAM_REFUSED).map(([key, why]) => `| \`${key}\` | ${why} |`);
  return ["| Key or section that is refused | Instead |", "| --- | --- |", ...rows, ""].join("\n");
}
