import type { ConfigName } from "./setting-table.js";

/** A key of d-engine for Rust that means the same as a setting here. */
export interface UpstreamKey {
  readonly name: ConfigName;
  /** What its values are called here, where that differs. */
  readonly values?: Readonly<Record<string, string>>;
  /** Said behind what is wrong with a value. */
  readonly note?: string;
}

const unbounded = "0, for no bound, is not offered: everything is bounded here";

/** Keys of d-engine for Rust that are taken, besides those that are the same here. */
export const UPSTREAM_KEYS: Readonly<Record<string, UpstreamKey>> = {
  "cluster.db_root_dir": { name: "dataDir" },
  "raft.election.election_timeout_min": { name: "electionTimeoutMs" },
  "raft.replication.rpc_append_entries_clock_in_ms": { name: "heartbeatIntervalMs" },
  "raft.replication.append_entries_max_entries_per_replication": { name: "appendEntriesMax" },
  "raft.read_consistency.default_policy": {
    name: "defaultConsistency",
    values: {
      LeaseRead: "lease",
      LinearizableRead: "linearizable",
      EventualConsistency: "eventual",
    },
  },
  "raft.snapshot.max_log_entries_before_snapshot": { name: "snapshotEntries" },
  "raft.snapshot.cleanup_retain_count": { name: "snapshotsKept" },
  "raft.snapshot.chunk_size": { name: "snapshotChunkBytes" },
  "raft.backpressure.max_pending_writes": { name: "pendingProposalsMax", note: unbounded },
  "raft.backpressure.max_pending_reads": { name: "pendingReadsMax", note: unbounded },
  "raft.learner_catchup_threshold": { name: "promotionLagMax" },
  "raft.watch.max_watcher_count": { name: "watchesMax" },
  "raft.watch.watcher_buffer_size": { name: "watchEventsMax" },
};

const byItself = "there is nothing to tune, this engine paces itself";
const pull = "a follower pulls a snapshot piece by piece and goes on after any pause";

/**
 * Keys and whole sections of d-engine for Rust that have no counterpart, and what to do instead.
 * They are refused and not ignored: who sets one expects something of it.
 */
export const UPSTREAM_REFUSED: Readonly<Record<string, string>> = {
  "cluster.log_dir": "log lines go to stderr; set server.log_level and send them where they belong",
  "raft.election.election_timeout_max":
    "each wait is drawn from [x, 2x) of raft.election.election_timeout_ms, so set that alone",
  "raft.election.rpc_peer_connectinon_monitor_interval_in_sec":
    "connections are judged by heartbeats and appends",
  "raft.election.internal_rpc_client_request_id": "calls within a cluster carry no request id",
  "raft.replication.rpc_append_entries_in_batch_threshold":
    "writes gather while the log is busy; raft.batching.proposal_entries_max bounds that",
  "raft.replication.rpc_append_entries_batch_process_delay_in_ms":
    "writes gather while the log is busy and never wait for others",
  "raft.batching.max_batch_size": "raft.batching.proposal_entries_max bounds one proposal",
  "raft.batching.max_merge_entries": "raft.replication.append_entries_max bounds one request",
  "raft.membership.cluster_healthcheck_probe_service_name":
    "a node serves as soon as a majority is possible and probes nobody",
  "raft.membership.verify_leadership_persistent_timeout":
    "a leader that reaches no majority for an election timeout steps down",
  "raft.membership.zombie": "no member is ever removed by itself; use d-engine member remove",
  "raft.membership.promotion": "no learner is ever removed by itself; use d-engine member remove",
  "raft.membership.startup_quorum_timeout": "a node waits for a majority as long as it takes",
  "raft.commit_handler": `${byItself}; raft.batching.apply_slice_ms bounds a turn`,
  "raft.state_machine": "keys with a time to live and leases expire by themselves, always",
  "raft.storage": "keys with a time to live and leases expire by themselves, always",
  "raft.snapshot.enable": "snapshots are always taken: without them the log would only grow",
  "raft.snapshot.snapshot_cool_down_since_last_check":
    "raft.snapshot.snapshot_entries and snapshot_log_bytes say when the next snapshot is due",
  "raft.snapshot.snapshots_dir": "snapshots are in the data directory, server.data_dir",
  "raft.snapshot.snapshots_dir_prefix": "snapshots are in the data directory, server.data_dir",
  "raft.snapshot.retained_log_entries": "the tail is counted in bytes: raft.log.log_tail_bytes",
  "raft.snapshot.max_bandwidth_mbps":
    "the rate is counted in bytes: raft.snapshot.snapshot_bytes_per_second",
  "raft.snapshot.sender_yield_every_n_chunks": byItself,
  "raft.snapshot.receiver_yield_every_n_chunks": byItself,
  "raft.snapshot.push_queue_size": pull,
  "raft.snapshot.cache_size": pull,
  "raft.snapshot.max_retries": pull,
  "raft.snapshot.transfer_timeout_in_sec": pull,
  "raft.snapshot.retry_interval_in_ms": pull,
  "raft.snapshot.snapshot_push_backoff_in_ms": pull,
  "raft.snapshot.snapshot_push_max_retry": pull,
  "raft.snapshot.push_timeout_in_ms": pull,
  "raft.snapshot.receive_chunk_timeout_in_sec": pull,
  "raft.persistence.strategy":
    "a write is acknowledged when a majority has it on disk; memory first is not offered",
  "raft.persistence.flush_policy": "every write is synced before it is acknowledged",
  "raft.persistence.max_buffered_entries": "raft.backpressure.pending_proposals_max bounds writes",
  "raft.persistence.shutdown_timeout_ms": "set server.close_timeout_ms",
  "raft.learner_check_throttle_ms": byItself,
  "raft.general_raft_timeout_duration_in_ms":
    "set server.request_timeout_ms, which covers a whole call of a client",
  "raft.snapshot_rpc_timeout_ms": pull,
  "raft.cmd_channel_capacity": "set raft.backpressure.pending_proposals_max",
  "raft.ordered_channel_capacity": "set raft.backpressure.pending_proposals_max",
  "raft.max_pending_append_responses": "set raft.replication.held_messages_max",
  "raft.read_actor": "set raft.backpressure.pending_reads_max",
  "raft.read_consistency.state_machine_sync_timeout_ms":
    "a read waits until it may be answered, or for its own time-out",
  "raft.read_consistency.network_rtt_p99_ms":
    "a lease counts from when its round was sent, so the way takes nothing from its safety",
  "raft.auto_join": "a node joins when cluster.join names nodes to ask",
  "raft.rpc_compression": "messages between nodes are not compressed",
  "raft.metrics": "metrics are always counted",
  "raft.watch.event_queue_size": "no queue stands between a write and its watches",
  "raft.watch.enable_metrics": "metrics are always counted",
  "storage.unified_db": "log and store of a node share one data directory, server.data_dir",
  network: byItself,
  retry: byItself,
  monitoring: "metrics are always counted; set server.admin_listen_address to be asked for them",
};
