import { parseHostPort } from "@d-engine/client";
import { type InitialCluster, parseInitialCluster } from "@d-engine/server";
import type { Reading } from "./read-value.js";

const fix =
  'as in [{ id = 1, address = "10.0.0.1:9081" }], or in one text: 1=10.0.0.1:9081,2=10.0.0.2:9081';

/** More than a cluster can sensibly have: each is called by each. */
const membersMax = 64;

/**
 * Reads the first members of a cluster: as text, as a record of id → address, or as d-engine for
 * Rust writes them, a list of tables with id, address, role and status.
 */
export function readMembers(raw: unknown): Reading {
  try {
    return { value: membersOf(raw) };
  } catch (error) {
    const why = (error as Error).message.replace(/^bad initial_cluster: /, "");
    return { problem: `must be a list of id and host:port; ${why}`, fix };
  }
}

function membersOf(raw: unknown): InitialCluster {
  const pairs = pairsOf(raw);
  if (pairs.length === 0) throw new Error("it names no member");
  if (pairs.length > membersMax) throw new Error(`it names more than ${membersMax} members`);
  const cluster: Record<number, string> = {};
  const addresses = new Set<string>();
  for (const [id, address] of pairs) {
    if (!Number.isInteger(id) || id < 1 || id > 2 ** 32 - 1) {
      throw new Error(`an id must be an integer from 1 to 2^32 - 1, got ${id}`);
    }
    if (cluster[id] !== undefined) throw new Error(`node ${id} is named twice`);
    const { text } = parseHostPort(address);
    if (addresses.has(text)) throw new Error(`two members have the address ${text}`);
    addresses.add(text);
    // As it was written: the id of the cluster is made from these bytes.
    cluster[id] = address;
  }
  return cluster;
}

function pairsOf(raw: unknown): [id: number, address: string][] {
  if (typeof raw === "string") return numbered(parseInitialCluster(raw));
  if (Array.isArray(raw)) return raw.map(memberOf);
  if (typeof raw === "object" && raw !== null) return numbered(raw as InitialCluster);
  throw new Error("it is neither a list nor a text");
}

function numbered(cluster: InitialCluster): [id: number, address: string][] {
  return Object.entries(cluster).map(([id, address]) => [
    /^\d+$/.test(id) ? Number(id) : Number.NaN,
    address,
  ]);
}

const voterRoles: ReadonlySet<unknown> = new Set([undefined, 1, 2, 3]);
const activeStatus = 3;

function memberOf(raw: unknown, at: number): [id: number, address: string] {
  if (typeof raw !== "object" || raw === null) throw new Error(`member ${at + 1} is no table`);
  const { id, address, role, status = activeStatus, ...rest } = raw as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new Error(`member ${at + 1} has an unknown key "${unknown}"`);
  if (typeof id !== "number") throw new Error(`member ${at + 1} needs an id, a number`);
  if (!voterRoles.has(role) || status !== activeStatus) {
    throw new Error(
      `node ${id} is no voter by its role or status; leave it out, start it with cluster.join`,
    );
  }
  return [id, address as string];
}
