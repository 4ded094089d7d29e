import { parseEndpoints } from "@d-engine/client";
import {
  EngineError,
  type NodeId,
  nodeId,
  type RaftOptions,
  resolveRaftOptions,
  type SettingConflict,
} from "@d-engine/core";
import { KV_LIMITS_DEFAULTS, type KvLimits, resolveKvLimits } from "@d-engine/kv";
import { STORAGE_DEFAULTS } from "@d-engine/storage";
import { type InitialCluster, parseInitialCluster } from "./bootstrap/initial-cluster.js";
import {
  PORT_DEFAULTS,
  PORT_RULES,
  type PortSettings,
  portConflicts,
} from "./connections/port-settings.js";
import { DRIVER_DEFAULTS, type DriverOptions } from "./driver/options.js";
import type { JoinAs } from "./join/join-cluster.js";
import {
  SECURITY_DEFAULTS,
  SECURITY_RULES,
  type SecuritySettings,
  securityConflicts,
} from "./security/security-settings.js";
import { logConflicts, roomConflicts } from "./settings/setting-conflicts.js";
import { problemOf, type SettingRules, shownSetting } from "./settings/setting-rule.js";
import {
  DRIVER_RULES,
  JOIN_RULES,
  STORAGE_RULES,
  type StorageSettings,
  WATCH_RULES,
} from "./settings/setting-rules.js";
import { WATCH_DEFAULTS, type WatchOptions } from "./watch/watch-options.js";

type RaftSettings = Omit<RaftOptions, "pendingReadsMax">;

/** Everything that can be set about a node, in one flat list. Each has a default. */
export interface EngineSettings
  extends RaftSettings,
    DriverOptions,
    KvLimits,
    StorageSettings,
    WatchOptions,
    SecuritySettings,
    PortSettings {
  /** `host:port` at which others reach this node. Recorded when the data directory is made. */
  readonly address: string;
  /** The id of this node, from 1. Recorded when the data directory is made. */
  readonly nodeId: number;
  /**
   * All first members of a new cluster, this node among them, as a record of id → `host:port` or
   * as `"1=host:port,2=host:port"`. Used once, when the data directory is made: afterwards the log
   * rules. `undefined` starts a cluster of one.
   */
  readonly initialCluster: InitialCluster | string | undefined;
  /**
   * Nodes of a running cluster that this node is to join, as a list of `host:port` or as
   * `"host:port,host:port"`. Used once, when the data directory is made. Not together with
   * `initialCluster`.
   */
  readonly join: readonly string[] | string | undefined;
  /** Whether a node that joins becomes a voter once it has caught up, or never. */
  readonly joinAs: JoinAs;
  /** Milliseconds that a node which joins tries to be taken in before it gives up. */
  readonly joinTimeoutMs: number;
  /** Tells two clusters with the same initial members apart; the same on all of them. */
  readonly clusterToken: string;
}

/** Settings as given; a member given as `undefined` counts as absent. */
export type EngineSettingsInput = {
  readonly [K in keyof EngineSettings]?: EngineSettings[K] | undefined;
};

const { pendingReadsMax: _, ...raftDefaults } = resolveRaftOptions();

/** What an engine runs with when it is not told otherwise; the CLI's help shows the same. */
export const ENGINE_DEFAULTS: EngineSettings = Object.freeze({
  ...raftDefaults,
  ...DRIVER_DEFAULTS,
  ...KV_LIMITS_DEFAULTS,
  ...STORAGE_DEFAULTS,
  ...WATCH_DEFAULTS,
  ...SECURITY_DEFAULTS,
  ...PORT_DEFAULTS,
  address: "127.0.0.1:9081",
  nodeId: 1,
  initialCluster: undefined,
  join: undefined,
  joinAs: "promotable",
  joinTimeoutMs: 60_000,
  clusterToken: "",
});

export interface JoinSettings {
  readonly endpoints: readonly string[];
  readonly joinAs: JoinAs;
  readonly timeoutMs: number;
}

/** Settings that were checked, sorted by who takes them. */
export interface ResolvedSettings {
  readonly address: string;
  readonly nodeId: NodeId;
  readonly initialCluster: InitialCluster | undefined;
  /** How the cluster is joined when the data directory is new, if it is. */
  readonly join: JoinSettings | undefined;
  readonly clusterToken: string;
  readonly raft: RaftOptions;
  readonly driver: DriverOptions;
  readonly limits: KvLimits;
  readonly storage: StorageSettings;
  readonly watch: WatchOptions;
  readonly security: SecuritySettings;
  readonly ports: PortSettings;
}

/**
 * Fills in defaults and checks every field and the relations between them.
 *
 * @throws EngineError `INVALID_REQUEST`, naming every bad field at once
 */
export function resolveSettings(input: EngineSettingsInput = {}): ResolvedSettings {
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const problems: string[] = [];
  for (const [name] of given) {
    if (!Object.hasOwn(ENGINE_DEFAULTS, name)) problems.push(`${name} is not a setting`);
  }
  const driver = pick(given, DRIVER_DEFAULTS);
  const storage = pick(given, STORAGE_DEFAULTS);
  const watch = pick(given, WATCH_DEFAULTS);
  const security = pick(given, SECURITY_DEFAULTS);
  checkFields(problems, security, SECURITY_RULES);
  problems.push(...problemsOf(securityConflicts(security)));
  const ports = pick(given, PORT_DEFAULTS);
  checkFields(problems, ports, PORT_RULES);
  checkFields(problems, driver, DRIVER_RULES);
  checkFields(problems, storage, STORAGE_RULES);
  checkFields(problems, watch, WATCH_RULES);
  problems.push(...problemsOf(logConflicts(driver, storage)));
  const address = input.address ?? ENGINE_DEFAULTS.address;
  if (!isAddress(address)) problems.push(`address must be host:port, got ${shownSetting(address)}`);
  const id = attempt(problems, () => resolveNodeId(input.nodeId ?? ENGINE_DEFAULTS.nodeId));
  const initialCluster = attempt(problems, () => resolveCluster(input.initialCluster));
  const join = attempt(problems, () => resolveJoin(input));
  const clusterToken = input.clusterToken ?? ENGINE_DEFAULTS.clusterToken;
  if (typeof clusterToken !== "string") {
    problems.push(`clusterToken must be a string, got ${shownSetting(clusterToken)}`);
  }
  const raft = attempt(problems, () => resolveRaftOptions(only(given, raftDefaults)));
  const limits = attempt(problems, () => resolveKvLimits(only(given, KV_LIMITS_DEFAULTS)));
  if (limits !== undefined) {
    problems.push(...problemsOf(roomConflicts(limits, storage)));
    problems.push(...problemsOf(portConflicts(ports, limits)));
  }
  if (problems.length > 0 || raft === undefined || limits === undefined || !id) {
    throw new EngineError("INVALID_REQUEST", `bad settings: ${problems.join("; ")}`);
  }
  const frozen = {
    driver: Object.freeze(driver),
    storage: Object.freeze(storage),
    watch: Object.freeze(watch),
    security: Object.freeze(security),
    ports: Object.freeze(ports),
  };
  const cluster = { nodeId: id, initialCluster, join, clusterToken };
  return Object.freeze({ address, ...cluster, raft, limits, ...frozen });
}

function resolveNodeId(value: number): NodeId {
  try {
    return nodeId(value);
  } catch {
    const message = `bad node id: nodeId must be an integer from 1 to 2^32 - 1, got ${value}`;
    throw new EngineError("INVALID_REQUEST", message);
  }
}

function resolveCluster(value: InitialCluster | string | undefined): InitialCluster | undefined {
  return typeof value === "string" ? parseInitialCluster(value) : value;
}

function resolveJoin(input: EngineSettingsInput): JoinSettings | undefined {
  const { join, initialCluster } = input;
  const joinAs = input.joinAs ?? ENGINE_DEFAULTS.joinAs;
  const timeoutMs = input.joinTimeoutMs ?? ENGINE_DEFAULTS.joinTimeoutMs;
  const problems: string[] = [];
  checkFields(problems, { joinAs, joinTimeoutMs: timeoutMs }, JOIN_RULES);
  if (problems.length > 0) throw badJoin(problems.join("; "));
  if (join === undefined) return undefined;
  if (initialCluster !== undefined) {
    throw badJoin(
      "join and initialCluster exclude each other: a node founds a cluster or joins one",
    );
  }
  try {
    const endpoints = parseEndpoints(typeof join === "string" ? join.split(",") : join);
    return { endpoints, joinAs, timeoutMs };
  } catch (error) {
    throw badJoin(`join: ${(error as Error).message}`);
  }
}

function badJoin(problem: string): EngineError {
  return new EngineError("INVALID_REQUEST", `bad join: ${problem}`);
}

function problemsOf(conflicts: readonly SettingConflict[]): string[] {
  return conflicts.map(({ problem, fix }) => `${problem}: ${fix}`);
}

function checkFields<T extends object>(
  problems: string[],
  values: T,
  rules: SettingRules<T>,
): void {
  for (const name of Object.keys(rules) as (keyof T & string)[]) {
    const problem = problemOf(rules[name], values[name]);
    if (problem !== undefined) problems.push(`${name} ${problem}`);
  }
}

function attempt<T>(problems: string[], resolve: () => T): T | undefined {
  try {
    return resolve();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    problems.push(error.message.slice(error.message.indexOf(": ") + 2));
    return undefined;
  }
}

/** The given fields among those of `defaults`. */
function only<T extends object>(given: readonly [string, unknown][], defaults: T): Partial<T> {
  return Object.fromEntries(given.filter(([name]) => Object.hasOwn(defaults, name))) as Partial<T>;
}

function pick<T extends object>(given: readonly [string, unknown][], defaults: T): T {
  return { ...defaults, ...only(given, defaults) };
}

function isAddress(value: unknown): value is string {
  if (typeof value !== "string") return false;
  const match = /^(.+):(\d{1,5})$/.exec(value);
  return match !== null && Number(match[2]) <= 65_535;
}
