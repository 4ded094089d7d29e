import type { TlsVersion } from "@d-engine/client";
import type { SettingConflict } from "@d-engine/core";
import { choice, type SettingRules } from "../settings/setting-rule.js";

/** Who may reach a node, and whom it believes. Files are PEM; empty: none. */
export interface SecuritySettings {
  /** The node's certificate, with what leads to its authority; its port speaks TLS only then. */
  readonly tlsCert: string;
  readonly tlsKey: string;
  /** Authorities of peers, and of clients where those show a certificate. */
  readonly tlsCa: string;
  /** Whether whoever connects must show a certificate of `tlsCa`, peers and clients alike. */
  readonly tlsClientAuth: "none" | "require";
  /** The oldest version of TLS that is spoken. */
  readonly tlsMinVersion: TlsVersion;
  /** What all members know and nobody else: without it nobody speaks as a peer. */
  readonly clusterSecret: string;
}

export const SECURITY_DEFAULTS: SecuritySettings = Object.freeze({
  tlsCert: "",
  tlsKey: "",
  tlsCa: "",
  tlsClientAuth: "none",
  tlsMinVersion: "1.2",
  clusterSecret: "",
});

export const SECURITY_RULES: SettingRules<SecuritySettings> = {
  tlsCert: { kind: "text" },
  tlsKey: { kind: "text" },
  tlsCa: { kind: "text" },
  tlsClientAuth: choice("none", "require"),
  tlsMinVersion: choice("1.2", "1.3"),
  clusterSecret: { kind: "text" },
};

/** A shorter one could be guessed. */
const secretLengthMin = 16;

/** What does not go together. */
export function securityConflicts(settings: SecuritySettings): SettingConflict[] {
  const { tlsCert, tlsKey, tlsCa, tlsClientAuth, clusterSecret } = settings;
  const conflicts: SettingConflict[] = [];
  if ((tlsCert === "") !== (tlsKey === "")) {
    conflicts.push({
      settings: ["tlsCert", "tlsKey"],
      problem: "tlsCert and tlsKey go together",
      fix: "set both, or neither",
    });
  }
  if (tlsCert === "" && tlsCa !== "") {
    conflicts.push({
      settings: ["tlsCa", "tlsCert"],
      problem: "tlsCa is for a node with a certificate, and tlsCert is not set",
      fix: "set tlsCert and tlsKey, or remove tlsCa",
    });
  }
  if (tlsClientAuth === "require" && (tlsCa === "" || tlsCert === "")) {
    conflicts.push({
      settings: ["tlsClientAuth", "tlsCa"],
      problem: "tlsClientAuth require needs tlsCert, tlsKey, and tlsCa to judge certificates by",
      fix: "set them, or tlsClientAuth none",
    });
  }
  if (clusterSecret !== "" && clusterSecret.length < secretLengthMin) {
    conflicts.push({
      settings: ["clusterSecret"],
      problem: `clusterSecret is shorter than ${secretLengthMin} characters`,
      fix: 'draw a longer one, for example with "openssl rand -hex 32"',
    });
  }
  return conflicts;
}
