import { decodeAppendEntriesRequest, encodeAppendEntriesResponse, Slab } from "@d-engine/codec";
import type { AppendEntries, Message, NodeId } from "@d-engine/core";
import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { refusalStatus } from "./admission.js";
import type { GrpcTransport } from "./grpc-transport.js";
import type { PeerIdentity } from "./handshake.js";
import { installSnapshotHandler } from "./install-snapshot-call.js";
import {
  type Addressed,
  decodePreVote,
  decodeReadIndex,
  decodeRequestVote,
  decodeTimeoutNow,
  encodePreVoteResponse,
  encodeReadIndexResponse,
  encodeRequestVoteResponse,
} from "./peer-codec.js";
import { PEER_METHODS, type UnaryPeerMethod } from "./peer-methods.js";
import { readIdTag } from "./peer-tags.js";
import type { SnapshotSource } from "./snapshot-source.js";
import { STREAM_SNAPSHOT_DEFAULTS, streamSnapshotHandler } from "./stream-snapshot-call.js";

type Unary = handleUnaryCall<Uint8Array, Uint8Array>;

/** A service as `Server.addService` takes it. */
export interface PeerServices {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** How one unary method leads a request into the node and the node's answer back out. */
interface UnaryRule {
  readonly decode: (bytes: Uint8Array) => Addressed<Message>;
  /** A leader that was removed hands over when its removal is applied, elsewhere too. */
  readonly fromRemoved?: boolean;
  /** The answer to wait for; `undefined` when the call is answered at once and empty. */
  readonly answer?: {
    readonly kind: Message["kind"];
    readonly tag: (request: Message) => string;
    readonly encode: (answer: Message, self: NodeId) => Uint8Array;
  };
}

/**
 * The services that only members may call (WIRE tables; our own PeerService beside them). Without
 * a source nobody can pull a snapshot.
 */
export function peerServices(transport: GrpcTransport, source?: SnapshotSource): PeerServices {
  const implementation: UntypedServiceImplementation = {
    streamAppendEntries: streamAppendEntries(transport),
    installSnapshot: installSnapshotHandler(transport),
  };
  if (source !== undefined) {
    implementation.streamSnapshot = streamSnapshotHandler(transport, source, {
      ...STREAM_SNAPSHOT_DEFAULTS,
      bytesPerSecondMax: source.bytesPerSecondMax ?? STREAM_SNAPSHOT_DEFAULTS.bytesPerSecondMax,
    });
  }
  for (const [method, rule] of Object.entries(unaryRules)) {
    implementation[method] = unaryHandler(transport, rule);
  }
  return { definition: PEER_METHODS, implementation };
}

const unaryRules: Readonly<Record<UnaryPeerMethod, UnaryRule>> = {
  appendEntries: {
    decode: (bytes) => addressedAppend(decodeAppendEntriesRequest(bytes, new Slab())),
    answer: {
      kind: "appendEntriesResponse",
      tag: (request) => String((request as AppendEntries).round),
      encode: (answer, self) =>
        encodeAppendEntriesResponse(self, expectKind(answer, "appendEntriesResponse")),
    },
  },
  requestVote: {
    decode: decodeRequestVote,
    answer: {
      kind: "requestVoteResponse",
      tag: () => "",
      encode: (answer) => encodeRequestVoteResponse(expectKind(answer, "requestVoteResponse")),
    },
  },
  preVote: {
    decode: decodePreVote,
    answer: {
      kind: "preVoteResponse",
      tag: (request) => String(expectKind(request, "preVote").term),
      encode: (answer) => encodePreVoteResponse(expectKind(answer, "preVoteResponse")),
    },
  },
  readIndex: {
    decode: decodeReadIndex,
    answer: {
      kind: "readIndexResponse",
      tag: (request) => readIdTag(expectKind(request, "readIndex").id),
      encode: (answer) => encodeReadIndexResponse(expectKind(answer, "readIndexResponse")),
    },
  },
  timeoutNow: { decode: decodeTimeoutNow, fromRemoved: true },
};

function streamAppendEntries(
  transport: GrpcTransport,
): handleBidiStreamingCall<Uint8Array, Uint8Array> {
  return (call) => {
    call.on("error", () => call.end()); // a broken connection shows at the peer
    const admitted = transport.admit(call.metadata);
    if ("reason" in admitted) {
      call.emit("error", refusalStatus(admitted, transport.ownMetadata()));
      return;
    }
    const from = admitted.peer.nodeId;
    const slab = new Slab();
    call.sendMetadata(transport.ownMetadata());
    transport.inbound.add(from, call);
    const forget = (): void => transport.inbound.remove(from, call);
    call.on("end", () => {
      forget();
      call.end();
    });
    call.on("cancelled", forget);
    call.on("close", forget);
    call.on("data", (bytes: Uint8Array) => {
      const request = decodeFrom(admitted.peer, () =>
        addressedAppend(decodeAppendEntriesRequest(bytes, slab)),
      );
      if ("reason" in request) {
        transport.metrics.malformedMessages++;
        forget();
        call.emit("error", { code: status.INVALID_ARGUMENT, details: request.reason });
        return;
      }
      transport.deliver(from, request.message);
    });
  };
}

function unaryHandler(transport: GrpcTransport, rule: UnaryRule): Unary {
  return (call, respond) => {
    const admission = transport.admit(call.metadata);
    const admitted = rule.fromRemoved && "removed" in admission ? admission.removed : admission;
    if ("reason" in admitted) {
      respond(refusalStatus(admitted, transport.ownMetadata()));
      return;
    }
    const request = decodeFrom(admitted.peer, () => rule.decode(call.request));
    if ("reason" in request) {
      transport.metrics.malformedMessages++;
      respond({ code: status.INVALID_ARGUMENT, details: request.reason });
      return;
    }
    const from = admitted.peer.nodeId;
    call.sendMetadata(transport.ownMetadata());
    const expected = rule.answer;
    if (expected === undefined) {
      transport.deliver(from, request.message);
      respond(null, new Uint8Array(0));
      return;
    }
    const forget = transport.pending.add(from, {
      kind: expected.kind,
      tag: expected.tag(request.message),
      answer: (answer) => respond(null, expected.encode(answer, transport.identity.nodeId)),
    });
    call.on("cancelled", forget);
    transport.deliver(from, request.message);
  };
}

/** Decodes a request and holds its sender to the identity of the connection. */
function decodeFrom(
  peer: PeerIdentity,
  decode: () => Addressed<Message>,
): { readonly message: Message } | { readonly reason: string } {
  try {
    const { from, message } = decode();
    if (from === peer.nodeId) return { message };
    return { reason: `node ${peer.nodeId} sent a message that names node ${from} as its sender` };
  } catch (error) {
    return { reason: `the request of node ${peer.nodeId} cannot be read: ${String(error)}` };
  }
}

function addressedAppend(message: AppendEntries): Addressed<AppendEntries> {
  return { from: message.leaderId, message };
}

function expectKind<K extends Message["kind"]>(
  message: Message,
  kind: K,
): Extract<Message, { kind: K }> {
  if (message.kind !== kind) throw new TypeError(`expected ${kind}, got ${message.kind}`);
  return message as Extract<Message, { kind: K }>;
}
