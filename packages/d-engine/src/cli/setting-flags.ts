import { type Command, Option } from "commander";
import { type ConfigName, flagOf, tableRows } from "../config/setting-table.js";

/** The flags that `--help` shows, with their defaults; all settings have one. */
const SHOWN: { readonly [K in ConfigName]?: string } = {
  dataDir: "./data",
  listen: "",
  advertise: "",
  adminListen: "",
  nodeId: "1",
  initialCluster: "",
  join: "",
  joinAs: "promotable",
  clusterToken: "",
  tlsCert: "",
  tlsKey: "",
  tlsCa: "",
  tlsClientAuth: "none",
  electionTimeoutMs: "1000",
  heartbeatIntervalMs: "100",
  snapshotEntries: "1000000",
  snapshotLogBytes: "268435456",
  snapshotBytesPerSecond: "0",
  logTailBytes: "1073741824",
  logBytesMax: "4294967296",
  segmentBytes: "67108864",
  valueBytesMax: "1048576",
  logLevel: "",
};

const SHORT: { readonly [K in ConfigName]?: string } = { dataDir: "-d", listen: "-l" };

const PLACEHOLDERS: { readonly [K in ConfigName]?: string } = {
  dataDir: "path",
  listen: "host:port",
  advertise: "host:port",
  adminListen: "host:port",
  nodeId: "id",
  initialCluster: "id=host:port,...",
  join: "host:port,...",
  joinAs: "promotable|read-only",
  clusterToken: "text",
  clusterSecret: "text",
  tlsCert: "file",
  tlsKey: "file",
  tlsCa: "file",
  tlsClientAuth: "none|require",
  tlsMinVersion: "1.2|1.3",
  logLevel: "error|warn|info",
  defaultConsistency: "level",
  allowClientOverride: "true|false",
  autoPromote: "true|false",
};

/**
 * Gives a command `--config` and a flag for every setting. Values stay texts: they are read, and
 * what is wrong with them told, together with the file and the environment.
 */
export function addSettingFlags(command: Command): Command {
  command.option(
    "-c, --config <file>",
    "settings in TOML; the environment and flags outweigh them (default: $CONFIG_PATH, or none)",
  );
  for (const { name, description } of tableRows()) {
    const short = SHORT[name] === undefined ? "" : `${SHORT[name]}, `;
    const usual = SHOWN[name] ? ` (default: ${SHOWN[name]})` : "";
    const option = new Option(
      `${short}${flagOf(name)} <${PLACEHOLDERS[name] ?? unitOf(name)}>`,
      `${description}${usual}`,
    );
    command.addOption(option.hideHelp(SHOWN[name] === undefined));
  }
  return command;
}

function unitOf(name: ConfigName): string {
  if (name.endsWith("Ms")) return "ms";
  return name.includes("Bytes") ? "bytes" : "n";
}
