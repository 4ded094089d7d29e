import type { MethodDefinition } from "@grpc/grpc-js";

type Raw = MethodDefinition<Uint8Array, Uint8Array>;

/** Bytes in, bytes out: the codecs of the peer messages are called by hand. */
const raw = {
  requestSerialize: toBuffer,
  requestDeserialize: (bytes: Buffer): Uint8Array => bytes,
  responseSerialize: toBuffer,
  responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
};

/** A view, not a copy. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unary(path: string): Raw {
  return { path, requestStream: false, responseStream: false, ...raw };
}

/** The calls that nodes make to each other, by their full names in the wire contract. */
export const PEER_METHODS = {
  streamAppendEntries: {
    path: "/d_engine.server.replication.RaftReplicationService/StreamAppendEntries",
    requestStream: true,
    responseStream: true,
    ...raw,
  },
  installSnapshot: {
    path: "/d_engine.server.storage.SnapshotService/InstallSnapshot",
    requestStream: true,
    responseStream: false,
    ...raw,
  },
  streamSnapshot: {
    path: "/d_engine.server.storage.SnapshotService/StreamSnapshot",
    requestStream: true,
    responseStream: true,
    ...raw,
  },
  appendEntries: unary("/d_engine.server.replication.RaftReplicationService/AppendEntries"),
  requestVote: unary("/d_engine.server.election.RaftElectionService/RequestVote"),
  preVote: unary("/d_engine.peer.v1.PeerService/PreVote"),
  timeoutNow: unary("/d_engine.peer.v1.PeerService/TimeoutNow"),
  readIndex: unary("/d_engine.peer.v1.PeerService/ReadIndex"),
} as const satisfies Record<string, Raw>;

export type UnaryPeerMethod = Exclude<
  keyof typeof PEER_METHODS,
  "streamAppendEntries" | "installSnapshot" | "streamSnapshot"
>;
