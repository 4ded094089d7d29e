import { findKey } from "./find-key.js";
import type { Given } from "./given.js";

/** Variables of a process, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const OWN_PREFIX = "D_ENGINE__";
/** That of d-engine for Rust. */
const UPSTREAM_PREFIX = "RAFT__";

/**
 * The settings among the variables: `D_ENGINE__RAFT__ELECTION__ELECTION_TIMEOUT_MS` is the key
 * `raft.election.election_timeout_ms` of a file. With the prefix of d-engine for Rust `RAFT__` a
 * leading section `raft` may be left out. A variable that is empty counts as absent.
 */
export function readEnvironment(environment: Environment): Given[] {
  return Object.entries(environment).flatMap(([name, raw]) => {
    if (raw === undefined || raw === "") return [];
    const path = pathOf(name);
    if (path === undefined) return [];
    const source = "environment";
    const meaning = findKey(path);
    return [{ key: name, path, raw, text: true, origin: "environment", source, meaning } as const];
  });
}

function pathOf(name: string): string | undefined {
  const own = name.startsWith(OWN_PREFIX);
  if (!own && !name.startsWith(UPSTREAM_PREFIX)) return undefined;
  const rest = name.slice(own ? OWN_PREFIX.length : UPSTREAM_PREFIX.length);
  const path = rest.toLowerCase().split("__").join(".");
  if (own || findKey(path).kind !== "unknown") return path;
  const within = `raft.${path}`;
  return findKey(within).kind === "unknown" ? path : within;
}
