import type { RaftStatus } from "@d-engine/core";
import type { AuthMetrics } from "../auth/attempts.js";
import type { GateMetrics } from "../connections/connection-gate.js";
import type { PortMetrics } from "../connections/port-metrics.js";
import type { LatencyReadings } from "../driver/latencies.js";
import type { NodeState } from "../driver/lifecycle.js";
import type { DriverMetrics } from "../driver/metrics.js";
import type { PeerTransportMetrics } from "../peers/grpc-transport.js";
import type { SecurityMetrics } from "../security/node-security.js";
import type { StartedKvNode } from "../start-node.js";
import type { WatchMetrics } from "../watch/watch-hub.js";
import type { HealthFacts } from "./health.js";

/** One reading of a node: all of it at the same moment, and nothing that costs more than a look. */
export interface NodeReading {
  readonly clusterId: string;
  readonly state: NodeState;
  readonly raft: RaftStatus;
  readonly driver: DriverMetrics;
  readonly watch: WatchMetrics;
  readonly security: SecurityMetrics;
  readonly auth: AuthMetrics & { readonly enabled: boolean };
  readonly ports: PortsReading;
  readonly peers: Readonly<PeerTransportMetrics>;
  readonly latencies: LatencyReadings;
  readonly diskWaitMs: number;
  readonly store: StoreReading;
}

export interface PortsReading {
  readonly clients: GateMetrics;
  readonly operators: GateMetrics;
  readonly ended: Readonly<PortMetrics>;
}

export interface StoreReading {
  readonly revision: number;
  readonly oldestRevision: number;
  readonly lastApplied: number;
  readonly keys: number;
  readonly bytes: number;
  readonly leases: number;
}

/** Reads a running node of the key-value store. */
export function readNode(
  { node, attempts, peers, security, ports }: StartedKvNode,
  nowMs: number,
): NodeReading {
  const { driver, store } = node;
  const { revision, oldestRevision, lastApplied, keys, bytes, leaseCount: leases } = store;
  return {
    clusterId: driver.identity.clusterId,
    state: driver.state,
    raft: driver.status(),
    driver: driver.metrics(),
    watch: node.watchMetrics(),
    security: security.metrics(),
    auth: { enabled: store.auth.enabled, ...attempts.metrics() },
    ports: {
      clients: ports.clients.metrics(),
      operators: ports.operators.metrics(),
      ended: ports.metrics,
    },
    peers: peers.metrics,
    latencies: driver.latencies.readings(),
    diskWaitMs: driver.latencies.diskWaitMs(nowMs),
    store: { revision, oldestRevision, lastApplied, keys, bytes, leases },
  };
}

export function healthFactsOf({ state, diskWaitMs, raft }: NodeReading): HealthFacts {
  const { role, leaderId, leaderReady } = raft;
  return { state, diskWaitMs, role, leaderId, leaderReady };
}
