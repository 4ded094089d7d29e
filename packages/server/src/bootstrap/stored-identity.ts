import type { NodeIdentity } from "@d-engine/core";
import type { InitialCluster } from "./initial-cluster.js";

interface GivenIdentity {
  readonly nodeId: number;
  readonly initialCluster: InitialCluster | undefined;
  readonly join?: object | undefined;
}

/**
 * What a configuration says differently from the data directory, one line each. The directory
 * wins: `initialCluster` and `nodeId` only make a new one, and after that the log rules.
 */
export function settingsThatDisagree(given: GivenIdentity, stored: NodeIdentity): string[] {
  const lines: string[] = [];
  if (given.initialCluster !== undefined) {
    const asked = describe(
      Object.entries(given.initialCluster).map(([id, address]) => [Number(id), address]),
    );
    const bootstrap = describe(stored.bootstrap.members.map(({ id, address }) => [id, address]));
    if (asked !== bootstrap) {
      lines.push(
        `initialCluster (${asked}) is ignored: this data directory was made with ${bootstrap}, ` +
          "and the members are in its log; change them with d-engine member",
      );
    }
  }
  if (given.join !== undefined) {
    lines.push(
      `join is ignored: this data directory is node ${stored.nodeId}'s already, and its log rules`,
    );
  }
  const named = given.initialCluster !== undefined || given.join !== undefined;
  if (named && given.nodeId !== stored.nodeId) {
    lines.push(`nodeId ${given.nodeId} is ignored: this data directory is node ${stored.nodeId}'s`);
  }
  return lines;
}

function describe(members: readonly (readonly [number, string])[]): string {
  return [...members]
    .sort(([a], [b]) => a - b)
    .map(([id, address]) => `${id}=${address}`)
    .join(",");
}
