import type { EngineSettings } from "@d-engine/server";
import type { LogLevel } from "../cli/log-levels.js";
import type { PortConfig } from "../node-port.js";

type Addresses = { readonly [K in keyof PortConfig]-?: string | undefined };

/** Everything that a file, the environment or a command line can set about a node. */
export interface ConfigValues extends Omit<EngineSettings, "address">, Addresses {
  readonly dataDir: string;
  /** For nodes that are started from the command line; programs bring their own logger. */
  readonly logLevel: LogLevel | undefined;
}

/** The name of a setting among the options of `EmbeddedEngine.start`. */
export type ConfigName = keyof ConfigValues;

/**
 * Every setting with its section and what it means. Its key there is its name in snake_case, but
 * for those of `OWN_KEYS`. Types only are imported here: the command line reads this table whatever
 * the command, and must not load a node for it.
 */
export const SECTIONS = {
  cluster: {
    nodeId: "the id of this node in its cluster; used once, when the data directory is made",
    listen:
      "where clients and peers reach the node; by default its address in the initial cluster, or " +
      "127.0.0.1:9081 for a node of its own",
    advertise:
      "the address that clients and peers are told, if it is another than where the node listens",
    initialCluster:
      "all first members of a new cluster, this node among them, as a list of id and address or " +
      "as id=host:port,...; used once, when the data directory is made",
    join: "nodes of a running cluster to join, in place of an initial cluster; used once",
    joinAs: "whether a node that joins becomes a voter once it has caught up, or never",
    joinTimeoutMs: "how long a node that joins tries to be taken in before it gives up",
    clusterToken: "tells clusters with the same first members apart; the same on all, used once",
  },
  "raft.election": {
    electionTimeoutMs:
      "silence after which a follower campaigns; each wait is drawn from [x, 2x). Too low: " +
      "needless elections; too high: slow failover",
  },
  "raft.replication": {
    heartbeatIntervalMs: "pause between two rounds of heartbeats",
    appendEntriesMax: "most entries in one append request",
    appendBytesMax: "most bytes of entries in one append request; one larger entry goes alone",
    inflightMessagesMax: "most unanswered append requests with entries per peer",
    inflightBytesMax: "most unanswered bytes of entries per peer",
    heldMessagesMax: "most messages held back for a slow disk; beyond it the newest are dropped",
  },
  "raft.read_consistency": {
    defaultConsistency: "the level of a read that names none",
    allowClientOverride: "whether a read may name another level than the default",
    leaseDurationMs:
      "how long a confirmed round lets the leader answer lease reads; left out, it follows the " +
      "election timeout",
    clockDriftMax:
      "how far the clocks of two members may drift apart, as a share of the time that passes",
    clockJumpMs: "difference between wall and monotonic clock, between ticks, that voids leases",
    readRequestsMax: "most questions to the leader for a read index that are unanswered at once",
  },
  "raft.batching": {
    proposalEntriesMax: "most commands in one proposal",
    proposalBytesMax: "most bytes in one proposal; a single larger command goes alone",
    eagerEntries: "commands that are proposed before the turn ends when the log is idle",
    applySliceMs: "longest time that applying entries keeps the event loop at a stretch",
  },
  "raft.backpressure": {
    pendingProposalsMax: "most writes that wait at once; more are refused RATE_LIMITED",
    pendingProposalBytesMax:
      "most bytes of writes that wait at once; more are refused RATE_LIMITED",
    uncommittedBytesMax: "a leader with more uncommitted bytes refuses writes with RATE_LIMITED",
    pendingReadsMax: "most reads that wait at once; more are refused RATE_LIMITED",
    retryAfterMs: "what RATE_LIMITED tells callers to wait",
  },
  "raft.snapshot": {
    snapshotEntries: "entries applied that bring about the next snapshot",
    snapshotLogBytes: "bytes applied that bring about the next snapshot",
    snapshotsKept: "complete snapshots kept on the disk",
    snapshotChunkBytes: "size of the pieces in which a snapshot is sent",
    snapshotWindowChunks: "most pieces in one message, and so in memory for one peer",
    snapshotTransfersMax: "most snapshots that are sent at once; further peers wait",
    snapshotBytesPerSecond: "most bytes of snapshots sent in a second, to all peers; 0: no limit",
  },
  "raft.log": {
    logTailBytes: "log kept behind a snapshot for followers that are slow or were away",
    logBytesMax: "log at which the tail is given up, and then writes wait for a snapshot",
    logCacheBytes: "applied entries beyond this are dropped from memory, and read back if needed",
    segmentBytes: "size of a file of the log, by which it is purged; bounds one entry",
    batchBytesMax: "most bytes of one write to the log; a single larger entry goes alone",
    sealAfterMs: "idle time after which the newest batch is sealed",
    spareSegmentsMax: "purged files of the log that are kept for reuse",
  },
  "raft.membership": {
    autoPromote: "whether a leader makes voters of learners that have caught up",
    promotionLagMax: "a learner that lacks more entries than this has not caught up",
  },
  "raft.watch": {
    watchesMax: "most watches that are open at once; more are refused RATE_LIMITED",
    watchEventsMax: "most events that one watch may have unread; with more it is canceled",
    watchBytesMax: "most bytes that one watch may have unread; with more it is canceled",
    watchSliceEvents: "events of the history that are read before others get their turn",
    watchProgressMs: "how often a watch with nothing to tell says up to which revision that is so",
  },
  store: {
    keyBytesMax: "longest key that is taken",
    valueBytesMax: "longest value that is taken",
    keysMax: "keys at which new ones are refused",
    txnOperationsMax: "most operations of a transaction, in both branches; as many compares",
    leasesMax: "leases at which new ones are refused",
    historyEventsMax: "events of the history at which its oldest quarter is compacted",
    historyBytesMax: "bytes of the history in memory at which its oldest quarter is compacted",
    historyRetentionMs: "how long what was overwritten or deleted is kept; 0: no limit in time",
  },
  tls: {
    tlsCert: "file with the node's certificate, in PEM; with it the port speaks TLS only",
    tlsKey: "file with its key, in PEM; both are read again when they change",
    tlsCa: "file with the authorities of peers, and of clients where those show a certificate",
    tlsClientAuth: "whether whoever connects must show a certificate of that authority",
    tlsMinVersion: "the oldest version of TLS that is spoken",
    clusterSecret:
      "what all members know and nobody else, 16 characters or more: without it nobody speaks as a " +
      "peer, or joins; better in the environment than in a file",
  },
  limits: {
    connectionsMax: "most connections of clients and peers; more are closed at once",
    connectionsPerAddressMax: "of these, most from one address",
    adminConnectionsMax: "most connections to the operators' port",
    adminConnectionsPerAddressMax: "of these, most from one address",
    callsPerConnectionMax: "most calls under way on one connection; more wait at the client",
    watchesPerConnectionMax: "most watches on one connection; more are refused RATE_LIMITED",
    requestBytesMax:
      "largest request that is read, of clients and of peers; the same on all members",
    answerBytesMax: "most bytes of keys and values in one answer; more are refused",
    unsentBytesMax: "most bytes of answers that one connection may have unread; more are dropped",
    headerBytesMax: "most bytes of the headers of one call, tokens among them",
    handshakeTimeoutMs: "how long a connection may take until it speaks HTTP/2, over TLS or not",
    connectionIdleMs: "how long a connection stays without any call",
    keepaliveIntervalMs: "how often a connection is asked whether its other end is still there",
    keepaliveTimeoutMs: "how long it may take to answer that",
    idlePingsMax:
      "most such questions by a connection, in a minute in which it is told nothing else",
    slowRequestMs: "how long a request may take from its first byte to its last",
    slowReaderMs:
      "how long the reader of an answer may take nothing of it; ten times that while others on its " +
      "connection read",
  },
  server: {
    dataDir: "where the data is; made if it is missing",
    adminListen: "where /health, /primary, /replica and /metrics are answered over HTTP, if at all",
    requestTimeoutMs: "how long a call waits when it does not say so itself",
    closeTimeoutMs: "how long closing lets accepted work finish before it ends it",
    logLevel: "write JSON log lines to stderr, from this level on (d-engine start only)",
  },
} as const satisfies Readonly<Record<string, { readonly [K in ConfigName]?: string }>>;

/** Keys that are not their setting's name, because d-engine for Rust calls them so. */
export const OWN_KEYS: { readonly [K in ConfigName]?: string } = {
  listen: "listen_address",
  advertise: "advertise_address",
  adminListen: "admin_listen_address",
  tlsCert: "cert",
  tlsKey: "key",
  tlsCa: "ca",
  tlsClientAuth: "client_auth",
  tlsMinVersion: "min_version",
};

/** What `config print` does not show. */
export const SECRETS: ReadonlySet<ConfigName> = new Set(["clusterToken", "clusterSecret"]);

/** `electionTimeoutMs` → `election_timeout_ms` */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `electionTimeoutMs` → `--election-timeout-ms` */
export function flagOf(name: ConfigName): string {
  return `--${snakeCase(name).replaceAll("_", "-")}`;
}

/** Every setting in the order of the table, with its section and meaning. */
export function tableRows(): { name: ConfigName; section: string; description: string }[] {
  return Object.entries(SECTIONS).flatMap(([section, settings]) =>
    Object.entries(settings).map(([name, description]) => ({
      name: name as ConfigName,
      section,
      description: description as string,
    })),
  );
}
