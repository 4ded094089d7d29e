/** What tests and tools of this repository look at; no program does. */
export { Callers } from "./auth/callers.js";
export { decodeRequest } from "./grpc/decode-request.js";
export { identityMetadata, readIdentity } from "./peers/handshake.js";
export {
  decodePreVote,
  decodePreVoteResponse,
  decodeReadIndex,
  decodeReadIndexResponse,
  decodeRequestVote,
  decodeRequestVoteResponse,
  decodeTimeoutNow,
  encodePreVote,
  encodePreVoteResponse,
  encodeReadIndex,
  encodeReadIndexResponse,
  encodeRequestVote,
  encodeRequestVoteResponse,
  encodeTimeoutNow,
} from "./peers/peer-codec.js";
export {
  decodeChunk,
  decodeSnapshotResponse,
  encodeChunk,
  encodeSnapshotResponse,
} from "./peers/snapshot-codec.js";
export { PeerSecret } from "./security/peer-secret.js";
