import { nearest } from "./nearest.js";
import { type ConfigSetting, SETTINGS, settingNamed } from "./schema.js";
import { snakeCase } from "./setting-table.js";
import { UPSTREAM_KEYS, UPSTREAM_REFUSED, type UpstreamKey } from "./upstream-keys.js";

/** What a key of a file or of the environment stands for. */
export type KeyMeaning =
  | { readonly kind: "setting"; readonly setting: ConfigSetting; readonly upstream?: UpstreamKey }
  | { readonly kind: "section" }
  /** Known from d-engine for Rust, and without a counterpart. */
  | { readonly kind: "refused"; readonly instead: string }
  | { readonly kind: "unknown" };

const byPath = new Map(SETTINGS.map((setting) => [setting.path, setting]));
const known: readonly string[] = [...byPath.keys(), ...Object.keys(UPSTREAM_KEYS)];
const sections = new Set(
  [...known, ...Object.keys(UPSTREAM_REFUSED)].flatMap((path) => {
    const parts = path.split(".");
    return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("."));
  }),
);

/** Finds out what `raft.election.election_timeout_ms` and the like stand for. */
export function findKey(path: string): KeyMeaning {
  const setting = byPath.get(path);
  if (setting !== undefined) return { kind: "setting", setting };
  if (Object.hasOwn(UPSTREAM_KEYS, path)) {
    const upstream = UPSTREAM_KEYS[path]!;
    return { kind: "setting", setting: settingNamed(upstream.name)!, upstream };
  }
  if (Object.hasOwn(UPSTREAM_REFUSED, path)) {
    return { kind: "refused", instead: UPSTREAM_REFUSED[path]! };
  }
  return { kind: sections.has(path) ? "section" : "unknown" };
}

/** The setting that an unknown key was most likely meant to be: its path. */
export function suggestPath(path: string): string | undefined {
  const key = snakeCase(path.slice(path.lastIndexOf(".") + 1));
  const misplaced = SETTINGS.find(
    (setting) => setting.key === key || snakeCase(setting.name) === key,
  );
  if (misplaced !== undefined) return misplaced.path;
  const near = nearest(path, known);
  if (near !== undefined) return near;
  const nearKey = nearest(
    key,
    SETTINGS.map((setting) => setting.key),
  );
  return SETTINGS.find((setting) => setting.key === nearKey)?.path;
}
