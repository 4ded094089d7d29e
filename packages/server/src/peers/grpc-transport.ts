import { type ChannelSecurity, channelSecurity } from "@d-engine/client";
import {
  decodeAppendEntriesResponse,
  encodeAppendEntriesRequest,
  encodeAppendEntriesResponse,
} from "@d-engine/codec";
import {
  type AppendEntries,
  type AppendEntriesResponse,
  assertNever,
  type Envelope,
  type InstallSnapshot,
  type Message,
  type NodeId,
  type Transport,
  type TransportListener,
} from "@d-engine/core";
import type { Metadata } from "@grpc/grpc-js";
import type { Logger } from "../driver/logger.js";
import type { PeerSecret } from "../security/peer-secret.js";
import type { Admission, Refused } from "./admission.js";
import {
  type InstanceDirectory,
  identityMetadata,
  type PeerIdentity,
  readIdentity,
  readRemoval,
  refusePeer,
  removedReason,
} from "./handshake.js";
import { InboundStreams } from "./inbound-streams.js";
import {
  decodePreVoteResponse,
  decodeReadIndexResponse,
  decodeRequestVoteResponse,
  encodePreVote,
  encodeReadIndex,
  encodeRequestVote,
  encodeTimeoutNow,
} from "./peer-codec.js";
import { PeerConnection } from "./peer-connection.js";
import { type PeerLink, PeerLinks } from "./peer-links.js";
import { readIdTag } from "./peer-tags.js";
import { PendingAnswers } from "./pending-answers.js";
import { SnapshotCalls } from "./snapshot-calls.js";
import { decodeSnapshotResponse, snapshotTag } from "./snapshot-codec.js";

/** How nodes make sure of each other. */
export interface PeerSecurity {
  /** For a connection that begins now. */
  channelTo(address: string): ChannelSecurity;
  /** What a peer must prove to know; `undefined`: nothing. */
  readonly secret: PeerSecret | undefined;
}

/** Plaintext where nothing else is asked for. */
export function channelTo(security: PeerSecurity | undefined, address: string): ChannelSecurity {
  return security?.channelTo(address) ?? channelSecurity(undefined, address);
}

export interface GrpcTransportOptions {
  readonly identity: PeerIdentity;
  /** Who is recorded under which id; asked at every connection. */
  readonly directory: InstanceDirectory;
  /** A member showed itself and nothing speaks against it; called at every connection. */
  readonly onContact: (peer: PeerIdentity) => void;
  /** @defaultValue plaintext, and nothing to prove */
  readonly security?: PeerSecurity;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly random: () => number;
  /** The bound for unary calls and for silence; the node's election timeout fits. */
  readonly electionTimeoutMs: number;
  /** Most bytes queued for one peer. */
  readonly peerQueueBytesMax?: number;
  /** Deadline of one message with chunks of a snapshot, its installation included. */
  readonly snapshotCallTimeoutMs?: number;
  /** How long a part of a snapshot that is sent waits for its answer; two election timeouts. */
  readonly snapshotAnswerTimeoutMs?: number;
  /** Bytes of chunks that are handed to the node at a time. */
  readonly installBytesMax?: number;
  /** @defaultValue the timers of this process, which do not keep it alive */
  readonly setTimer?: (delayMs: number, run: () => void) => { cancel(): void };
}

/** Above the core's in-flight window, so that only a broken connection ever meets it. */
const peerQueueBytesDefault = 32 * 1024 * 1024;
const snapshotCallTimeoutDefaultMs = 60_000;
/** More than a leader of ours sends in one call. */
const installBytesDefault = 16 * 1024 * 1024;
const silenceMsMin = 500;
/** How often connections to all members are looked after, while any of them speaks. */
const prepareEveryMs = 500;

export interface PeerTransportMetrics {
  messagesSent: number;
  messagesDropped: number;
  messagesReceived: number;
  malformedMessages: number;
  connectionsLost: number;
  peersRefused: number;
  snapshotCallsFailed: number;
}

/**
 * The `Transport` between real processes: appends on one stream per peer, everything else by
 * unary calls, answers on the way that the question came (DESIGN of the wire contract). Identity
 * is checked on both ends of every connection before a message is believed.
 */
export class GrpcTransport implements Transport {
  readonly identity: PeerIdentity;
  readonly inbound: InboundStreams;
  readonly pending = new PendingAnswers();
  readonly metrics: PeerTransportMetrics = {
    messagesSent: 0,
    messagesDropped: 0,
    messagesReceived: 0,
    malformedMessages: 0,
    connectionsLost: 0,
    peersRefused: 0,
    snapshotCallsFailed: 0,
  };
  /** Bytes of chunks that one peer's call may have in memory. */
  readonly installBytesMax: number;
  readonly #options: GrpcTransportOptions;
  readonly #ownMetadata: Metadata;
  readonly #links: PeerLinks;
  readonly #lastRefusal = new Map<NodeId, string>();
  readonly #featureLevels = new Map<NodeId, number>();
  readonly #away = new Set<NodeId>();
  #listener: TransportListener | undefined;
  #preparedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: GrpcTransportOptions) {
    this.#options = options;
    this.identity = options.identity;
    const own = identityMetadata(options.identity);
    this.#ownMetadata = options.security?.secret?.sign(own, options.identity) ?? own;
    this.inbound = new InboundStreams(options.peerQueueBytesMax ?? peerQueueBytesDefault);
    this.installBytesMax = options.installBytesMax ?? installBytesDefault;
    this.#links = new PeerLinks({
      open: (peer, address) => this.#open(peer, address),
      lingerMs: 2 * options.electionTimeoutMs,
      setTimer: options.setTimer ?? setProcessTimer,
    });
  }

  start(listener: TransportListener): void {
    this.#listener = listener;
  }

  /** Where the members can be reached. A changed address closes the old connection. */
  setMembers(members: readonly { readonly id: NodeId; readonly address: string }[]): void {
    const others = members.filter(({ id }) => id !== this.identity.nodeId);
    this.#links.setMembers(new Map(others.map(({ id, address }) => [id, address])));
  }

  greetMembers(): void {
    for (const peer of this.#links.members) this.#links.to(peer)?.connection.renew();
  }

  /** What the peer announced at its last contact; 0 before the first. */
  featureLevelOf(peer: NodeId): number {
    return this.#featureLevels.get(peer) ?? 0;
  }

  /** Our identity, for the answers of the services. A copy: grpc-js may add to it. */
  ownMetadata(): Metadata {
    return this.#ownMetadata.clone();
  }

  /**
   * Looks at who is on the other side. Returns the member, or the reason to refuse it, which is
   * logged once until it changes. An answerer is not refused for being removed: as long as a leader
   * calls it, it is to hear of its removal in the log.
   */
  admit(metadata: Metadata, expected?: NodeId): Admission {
    const read = readIdentity(metadata);
    if (read.kind === "malformed") return this.#refuse(expected ?? (0 as NodeId), read.reason);
    const peer = read.identity;
    if (expected !== undefined && expected !== peer.nodeId) {
      const at = this.#links.addressOf(expected);
      return this.#refuse(expected, `node ${peer.nodeId} answers at ${at}, not ${expected}`);
    }
    const { directory, security } = this.#options;
    const unproven = security?.secret?.refuse(metadata, peer);
    if (unproven !== undefined) return this.#refuse(peer.nodeId, unproven);
    const reason = refusePeer(this.identity, peer, directory);
    if (reason !== undefined) return this.#refuse(peer.nodeId, reason);
    const by = directory.removalOf?.(peer.nodeId, peer.instanceId);
    if (by !== undefined && expected === undefined) {
      return { ...this.#refuse(peer.nodeId, removedReason(peer, by)), removed: { peer, by } };
    }
    this.#lastRefusal.delete(peer.nodeId);
    this.#featureLevels.set(peer.nodeId, peer.featureLevel);
    if (expected !== undefined && this.#away.delete(expected)) {
      this.#options.logger.info(`node ${expected} is back`);
    }
    this.#options.onContact(peer);
    return { peer };
  }

  /** Hands a checked message to the node. */
  deliver(from: NodeId, message: Message): void {
    if (this.#closed) return;
    this.metrics.messagesReceived++;
    this.#prepareConnections();
    this.#listener?.receive(from, message);
  }

  send(envelope: Envelope): void {
    if (this.#closed) return;
    if (this.#dispatch(envelope.to, envelope.message)) this.metrics.messagesSent++;
    else this.metrics.messagesDropped++;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#links.close();
    this.inbound.close();
  }

  #dispatch(to: NodeId, message: Message): boolean {
    switch (message.kind) {
      case "appendEntries":
        return this.#sendAppend(to, message);
      case "requestVote":
      case "preVote":
      case "timeoutNow":
      case "readIndex":
        return this.#ask(to, message);
      case "appendEntriesResponse":
        return this.#answerAppend(to, message);
      case "requestVoteResponse":
        return this.pending.resolve(to, message.kind, "", message);
      case "preVoteResponse":
        return this.pending.resolve(to, message.kind, String(message.campaignTerm), message);
      case "readIndexResponse":
        return this.pending.resolve(to, message.kind, readIdTag(message.id), message);
      case "installSnapshot":
        return this.#links.to(to)?.snapshots.install(message) ?? false;
      case "installSnapshotResponse":
        return this.pending.resolve(to, message.kind, snapshotTag(message.lastIncluded), message);
      default:
        return assertNever(message);
    }
  }

  #sendAppend(to: NodeId, message: AppendEntries): boolean {
    const connection = this.#links.to(to)?.connection;
    return connection?.append(encodeAppendEntriesRequest(message)) ?? false;
  }

  #answerAppend(to: NodeId, message: AppendEntriesResponse): boolean {
    const tag = String(message.round ?? "");
    if (this.pending.resolve(to, message.kind, tag, message)) return true;
    return this.inbound.send(to, encodeAppendEntriesResponse(this.identity.nodeId, message));
  }

  #ask(to: NodeId, message: Message): boolean {
    const connection = this.#links.to(to)?.connection;
    if (connection === undefined) return false;
    const self = this.identity.nodeId;
    const deliver = (decode: (bytes: Uint8Array) => Message) => (bytes: Uint8Array) =>
      this.#deliverDecoded(to, bytes, decode);
    if (message.kind === "requestVote") {
      const bytes = encodeRequestVote(self, message);
      connection.call("requestVote", bytes, deliver(decodeRequestVoteResponse));
    } else if (message.kind === "preVote") {
      connection.call("preVote", encodePreVote(self, message), deliver(decodePreVoteResponse));
    } else if (message.kind === "readIndex") {
      connection.call(
        "readIndex",
        encodeReadIndex(self, message),
        deliver(decodeReadIndexResponse),
      );
    } else if (message.kind === "timeoutNow") {
      connection.call("timeoutNow", encodeTimeoutNow(self, message), () => {
        // Its effect is an election; the answer says nothing.
      });
    }
    return true;
  }

  /**
   * Followers have nothing to tell each other until their leader is gone, and then everything
   * waits for the connection; so it is there before.
   */
  #prepareConnections(): void {
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#preparedMs < prepareEveryMs) return;
    this.#preparedMs = nowMs;
    for (const peer of this.#links.members) this.#links.to(peer)?.connection.prepare();
  }

  #open(peer: NodeId, address: string): PeerLink {
    const { electionTimeoutMs, nowMs, random, snapshotCallTimeoutMs } = this.#options;
    const { snapshotAnswerTimeoutMs, security } = this.#options;
    const way = {
      peer,
      address,
      security: () => channelTo(security, address),
      metadata: this.#ownMetadata,
      refuse: (metadata: Metadata): string | undefined => {
        const admitted = this.admit(metadata, peer);
        return "reason" in admitted ? admitted.reason : undefined;
      },
    };
    const connection = new PeerConnection({
      ...way,
      onAppendResponse: (bytes) => this.#deliverDecoded(peer, bytes, decodeResponseOf(peer)),
      onLost: (reason) => this.#lost(peer, reason),
      onRefused: (trailers) => this.#refusedBy(peer, trailers),
      nowMs,
      random,
      queueBytesMax: this.#options.peerQueueBytesMax ?? peerQueueBytesDefault,
      silenceMs: Math.max(silenceMsMin, electionTimeoutMs),
      callTimeoutMs: electionTimeoutMs,
    });
    const snapshots = new SnapshotCalls({
      ...way,
      onAnswer: (bytes, request) => this.#installAnswered(peer, bytes, request),
      onFailed: (reason) => this.#installFailed(peer, reason),
      callTimeoutMs: snapshotCallTimeoutMs ?? snapshotCallTimeoutDefaultMs,
      answerTimeoutMs: snapshotAnswerTimeoutMs ?? Math.max(1000, 2 * electionTimeoutMs),
    });
    return { connection, snapshots };
  }

  #installAnswered(peer: NodeId, bytes: Uint8Array, { label }: InstallSnapshot): void {
    this.#deliverDecoded(peer, bytes, (answer) =>
      decodeSnapshotResponse(answer, label.lastIncluded),
    );
  }

  #installFailed(peer: NodeId, reason: string): void {
    this.metrics.snapshotCallsFailed++;
    this.#options.logger.info(`a part of a snapshot may not have reached node ${peer}: ${reason}`);
  }

  #deliverDecoded(from: NodeId, bytes: Uint8Array, decode: (bytes: Uint8Array) => Message): void {
    let message: Message;
    try {
      message = decode(bytes);
    } catch (error) {
      this.metrics.malformedMessages++;
      this.#options.logger.warn(`node ${from} sent an answer that cannot be read`, {
        error: String(error),
      });
      return;
    }
    this.deliver(from, message);
  }

  /** The peer does not take this node for a member; perhaps it says that it is one no more. */
  #refusedBy(peer: NodeId, trailers: Metadata): void {
    const by = readRemoval(trailers, this.identity, peer, this.#options.directory);
    if (by !== undefined && !this.#closed) this.#listener?.removed?.(by);
  }

  #lost(peer: NodeId, reason: string): void {
    this.metrics.connectionsLost++;
    // Once for each time that it goes away, not for every attempt to come back.
    if (!this.#away.has(peer)) this.#options.logger.info(`node ${peer} is away: ${reason}`);
    this.#away.add(peer);
    this.#listener?.unreachable(peer);
  }

  #refuse(peer: NodeId, reason: string): Refused {
    this.metrics.peersRefused++;
    if (this.#lastRefusal.get(peer) !== reason) {
      this.#lastRefusal.set(peer, reason);
      this.#options.logger.warn(`refused a peer: ${reason}`);
    }
    return { reason };
  }
}

function setProcessTimer(delayMs: number, run: () => void): { cancel(): void } {
  const timer = setTimeout(run, delayMs).unref();
  return { cancel: () => clearTimeout(timer) };
}

function decodeResponseOf(peer: NodeId): (bytes: Uint8Array) => Message {
  return (bytes) => {
    const { nodeId, response } = decodeAppendEntriesResponse(bytes);
    if (nodeId !== peer) throw new RangeError(`answer of node ${nodeId} on the way of ${peer}`);
    return response;
  };
}
