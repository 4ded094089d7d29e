import type { RoleKind } from "@d-engine/core";
import type { DriverMetrics } from "../driver/metrics.js";
import type { NodeReading } from "./observed-node.js";

/** One value of a metric, with what tells it from the others of the same name. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface MetricRow {
  /** Without the prefix `d_engine_`. Counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "gauge";
  /** What tells its values apart, when it has several. */
  readonly label?: string;
  readonly read: (reading: NodeReading) => readonly Sample[];
}

const gauge = (name: string, help: string, read: (reading: NodeReading) => number): MetricRow => ({
  name,
  help,
  kind: "gauge",
  read: (reading) => [{ value: read(reading) }],
});

const counter = (
  name: string,
  help: string,
  read: (reading: NodeReading) => number,
): MetricRow => ({ name, help, kind: "counter", read: (reading) => [{ value: read(reading) }] });

/** Counters of the driver whose names say all there is to say, by the name of the metric. */
const byLabel = (
  name: string,
  help: string,
  label: string,
  fields: Readonly<Record<string, keyof DriverMetrics>>,
): MetricRow => ({
  name,
  help,
  kind: "counter",
  label,
  read: ({ driver }) =>
    Object.entries(fields).map(([value, field]) => ({
      value: driver[field],
      labels: { [label]: value },
    })),
});

const ofPeers = (
  name: string,
  help: string,
  read: (peer: NodeReading["raft"]["peers"][number], reading: NodeReading) => number,
): MetricRow => ({
  name,
  help,
  kind: "gauge",
  label: "peer",
  read: (reading) =>
    reading.raft.peers.map((peer) => ({
      value: read(peer, reading),
      labels: { peer: String(peer.id) },
    })),
});

const ROLES: readonly RoleKind[] = ["learner", "follower", "preCandidate", "candidate", "leader"];

/** What an operator asks a node, in the order of the questions. */
export const METRICS: readonly MetricRow[] = [
  gauge("auth_enabled", "1 while requests need a user", ({ auth }) => (auth.enabled ? 1 : 0)),
  gauge(
    "certificate_ends_seconds",
    "when the certificate ends, in seconds since 1970; +Inf without TLS",
    ({ security }) => security.certificateEndsMs / 1_000,
  ),
  counter(
    "certificates_refused_total",
    "looks at changed certificate files that could not be used",
    ({ security }) => security.certificatesRefused,
  ),
  {
    name: "auth_attempts_total",
    help: "Passwords that were checked here; limited: turned away before",
    kind: "counter",
    label: "result",
    read: ({ auth }) => [
      { value: auth.authSucceeded, labels: { result: "right" } },
      { value: auth.authFailed, labels: { result: "wrong" } },
      { value: auth.authLimited, labels: { result: "limited" } },
    ],
  },
  {
    name: "role",
    help: "1 for the role that the node has, 0 for the others",
    kind: "gauge",
    label: "role",
    read: ({ raft }) =>
      ROLES.map((role) => ({
        value: Number(raft.role === role),
        labels: { role },
      })),
  },
  gauge("term", "Raft term of the node", ({ raft }) => raft.term),
  gauge("leader_id", "node that leads, as this one knows; 0 for none", (r) => r.raft.leaderId ?? 0),
  gauge("leader_ready", "1 when this node leads and can serve", (r) => Number(r.raft.leaderReady)),
  counter("role_changes_total", "changes of role or term", ({ driver }) => driver.roleChanges),
  gauge("members", "members of the configuration in effect", (r) => {
    return r.raft.configuration.members.length;
  }),
  gauge("log_last_index", "newest entry of the log", ({ raft }) => raft.last.index),
  gauge("log_durable_index", "newest entry that is on the disk", ({ raft }) => raft.durableIndex),
  gauge("commit_index", "newest entry that is known to be committed", (r) => r.raft.commitIndex),
  gauge("applied_index", "newest entry that is applied", ({ store }) => store.lastApplied),
  ofPeers("peer_match_index", "newest entry that a peer is known to hold", (p) => p.matchIndex),
  ofPeers("peer_lag_entries", "entries of the log that a peer is not known to hold", (p, r) => {
    return Math.max(0, r.raft.last.index - p.matchIndex);
  }),
  ofPeers("peer_silent_seconds", "time since the last answer of a peer", (p) => {
    return Math.round(p.silentMs) / 1_000;
  }),
  ofPeers("peer_inflight_bytes", "bytes sent to a peer and not answered", (p) => p.inflightBytes),
  counter("proposals_total", "writes taken in", ({ driver }) => driver.proposals),
  byLabel("proposals_refused_total", "writes refused without effect, by why", "reason", {
    rate_limited: "rateLimited",
    disk_full: "diskFull",
    log_full: "logFull",
    not_leader: "proposalsRefused",
  }),
  gauge(
    "proposals_pending",
    "writes that wait for their outcome",
    (r) => r.driver.pendingProposals,
  ),
  gauge("proposals_pending_bytes", "bytes of writes that wait", (r) => {
    return r.driver.pendingProposalBytes;
  }),
  byLabel("reads_total", "reads by how they were served", "level", {
    eventual: "readsEventual",
    lease: "readsLease",
    linearizable: "readsLinearizable",
  }),
  counter("lease_fallbacks_total", "lease reads that found no lease", (r) => {
    return r.driver.leaseFallbacks;
  }),
  gauge("reads_pending", "linearizable reads that wait", ({ driver }) => driver.pendingReads),
  counter("entries_applied_total", "entries applied since the start", (r) => {
    return r.driver.entriesApplied;
  }),
  counter("log_batches_total", "batches handed to the log", ({ driver }) => driver.batchesWritten),
  gauge("disk_wait_seconds", "how long the disk has been at work on its oldest write", (r) => {
    return r.diskWaitMs / 1_000;
  }),
  gauge("log_bytes", "bytes of the log on the disk", ({ driver }) => driver.logBytes),
  gauge("snapshot_index", "newest entry that the newest snapshot holds", (r) => {
    return r.driver.snapshotIndex;
  }),
  byLabel("snapshots_total", "snapshots by what became of them", "outcome", {
    made: "snapshotsMade",
    failed: "snapshotsFailed",
    sent: "snapshotsSent",
    installed: "snapshotsInstalled",
  }),
  counter("snapshot_bytes_made_total", "bytes of snapshots made", (r) => {
    return r.driver.snapshotBytesMade;
  }),
  counter("snapshot_bytes_sent_total", "bytes of snapshots sent", (r) => {
    return r.driver.snapshotBytesSent;
  }),
  counter("log_purges_total", "times that old log was given up", ({ driver }) => driver.logPurges),
  gauge("revision", "revision of the store", ({ store }) => store.revision),
  gauge("oldest_revision", "oldest revision that can be read", (r) => r.store.oldestRevision),
  gauge("keys", "keys in the store", ({ store }) => store.keys),
  gauge("store_bytes", "bytes of all keys and values", ({ store }) => store.bytes),
  gauge("leases", "leases, those of single keys among them", ({ store }) => store.leases),
  counter("lease_expiries_total", "commands that ended leases", ({ driver }) => driver.expiries),
  gauge("watches", "watches that are open", ({ watch }) => watch.watches),
  gauge(
    "watches_behind",
    "watches that have not come to the present",
    (r) => r.watch.watchesBehind,
  ),
  counter("watches_overflowed_total", "watches ended because their reader was too slow", (r) => {
    return r.watch.watchesOverflowed;
  }),
  counter("watches_refused_total", "watches turned away at watchesMax", (r) => {
    return r.watch.watchesRefused;
  }),
  counter(
    "peer_messages_sent_total",
    "messages sent to peers",
    ({ driver }) => driver.messagesSent,
  ),
  counter("peer_messages_received_total", "messages of peers", (r) => r.driver.messagesReceived),
  counter("peer_messages_malformed_total", "messages of peers that could not be read", (r) => {
    return r.peers.malformedMessages;
  }),
  counter("peer_connections_lost_total", "connections to peers that broke", (r) => {
    return r.peers.connectionsLost;
  }),
  counter("peers_refused_total", "peers that are not who they should be", (r) => {
    return r.peers.peersRefused;
  }),
  {
    name: "connections",
    help: "connections that are open, by port",
    kind: "gauge",
    label: "port",
    read: ({ ports }) => [
      { value: ports.clients.open, labels: { port: "clients" } },
      { value: ports.operators.open, labels: { port: "operators" } },
    ],
  },
  {
    name: "connections_refused_total",
    help: "connections that were closed at once, by the setting that they exceeded",
    kind: "counter",
    label: "limit",
    read: ({ ports: { clients, operators } }) => [
      { value: clients.refused, labels: { limit: "connections_max" } },
      { value: clients.refusedOfAddress, labels: { limit: "connections_per_address_max" } },
      { value: operators.refused, labels: { limit: "admin_connections_max" } },
      { value: operators.refusedOfAddress, labels: { limit: "admin_connections_per_address_max" } },
    ],
  },
  {
    name: "limits_reached_total",
    help: "connections, calls and watches that were ended, by the setting that they exceeded",
    kind: "counter",
    label: "limit",
    read: ({ ports: { ended } }) => [
      { value: ended.handshakes, labels: { limit: "handshake_timeout_ms" } },
      { value: ended.pingFloods, labels: { limit: "idle_pings_max" } },
      { value: ended.slowRequests, labels: { limit: "slow_request_ms" } },
      { value: ended.slowReaders, labels: { limit: "slow_reader_ms" } },
      { value: ended.unreadAnswers, labels: { limit: "unsent_bytes_max" } },
      { value: ended.watchesRefused, labels: { limit: "watches_per_connection_max" } },
    ],
  },
  counter("clock_jumps_total", "times that wall and monotonic clock disagreed", (r) => {
    return r.driver.clockJumps;
  }),
];

/** Histograms, by the name of the reading that they show. Seconds, as Prometheus wants them. */
export const HISTOGRAMS = {
  sync: {
    name: "sync_duration_seconds",
    help: "from handing a batch to the log until it is durable",
  },
  commit: {
    name: "commit_duration_seconds",
    help: "from taking up a write as the leader until it is applied here",
  },
} as const;
