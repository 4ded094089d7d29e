import { isEngineError } from "@d-engine/core";
import {
  CONFIG_DEFAULTS,
  readEnvironment,
  readFlags,
  readToml,
  resolveConfig,
} from "d-engine/internal";
import type { FuzzTarget } from "../target.js";

const FILE = `# a node
[cluster]
node_id = 3
listen_address = "127.0.0.1:9081"
initial_cluster = [{ id = 1, address = "a:1" }, { id = 3, address = "b:2" }]
[raft.election]
election_timeout_ms = 1_000
[raft.read_consistency]
default_consistency = "lease"
clock_drift_max = 0.05
[limits]
connections_max = 100
connections_per_address_max = 0x10
[store]
value_bytes_max = 65536
[tls]
cluster_secret = "what all members know"
`;

const ENVIRONMENT = [
  "D_ENGINE__RAFT__ELECTION__ELECTION_TIMEOUT_MS=900",
  "D_ENGINE__CLUSTER__NODE_ID=2",
  "RAFT__READ_CONSISTENCY__DEFAULT_CONSISTENCY=lease",
  "D_ENGINE__CLUSTER__INITIAL_CLUSTER=1=a:1,2=b:2",
  "PATH=/bin",
].join("\n");

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function pairs(bytes: Uint8Array): Record<string, string> {
  const entries = text(bytes)
    .split("\n")
    .map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    });
  return Object.fromEntries(entries) as Record<string, string>;
}

/** All problems at once, as an error with the code for it, in text that fits on lines. */
function isRefusal(error: unknown): boolean {
  return isEngineError(error, "INVALID_REQUEST");
}

const encoder = new TextEncoder();

export const configTargets: readonly FuzzTarget[] = [
  {
    name: "config/toml",
    samples: () => [encoder.encode(FILE)],
    first: [encoder.encode('a.b."c d" = [1, 2.5, true, 1979-05-27, """x"""]\n[[d]]\n')],
    run: (bytes) => resolveConfig([readToml(text(bytes), "node.toml")]),
    isRefusal,
  },
  {
    name: "config/environment",
    samples: () => [encoder.encode(ENVIRONMENT)],
    run: (bytes) => resolveConfig([readEnvironment(pairs(bytes))]),
    isRefusal,
  },
  {
    name: "config/flags",
    samples: () => {
      const lines = Object.entries(CONFIG_DEFAULTS)
        .filter(([, value]) => value !== undefined && typeof value !== "object")
        .map(([name, value]) => `${name}=${value}`);
      return lines.map((line) => encoder.encode(line));
    },
    run: (bytes) => resolveConfig([readFlags(pairs(bytes))]),
    isRefusal,
  },
];
