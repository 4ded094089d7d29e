import {
  type LogId,
  type LogIndex,
  logIndex,
  type NodeId,
  nodeId,
  type PreVote,
  type PreVoteResponse,
  type ReadIndex,
  type ReadIndexResponse,
  type RequestVote,
  type RequestVoteResponse,
  type TimeoutNow,
  term,
} from "@d-engine/core";
import { create, election, fromBinary, peer, toBinary } from "@d-engine/proto";

/**
 * The rare messages between nodes, through the generated code; the hot path has codecs of its
 * own. Numbers past 2^53 and node id 0 throw `RangeError`, malformed bytes throw too: the caller
 * refuses the call (scenario 78).
 */

/** A request together with the node that it says it is from. */
export interface Addressed<M> {
  readonly from: NodeId;
  readonly message: M;
}

export function encodeRequestVote(from: NodeId, message: RequestVote): Uint8Array {
  return toBinary(
    election.VoteRequestSchema,
    create(election.VoteRequestSchema, {
      ...candidacy(from, message),
      leadershipTransfer: message.leadershipTransfer,
    }),
  );
}

export function decodeRequestVote(bytes: Uint8Array): Addressed<RequestVote> {
  const request = fromBinary(election.VoteRequestSchema, bytes);
  const { leadershipTransfer } = request;
  const message = { kind: "requestVote", ...asked(request), leadershipTransfer } as const;
  return { from: nodeId(request.candidateId), message };
}

export function encodeRequestVoteResponse(message: RequestVoteResponse): Uint8Array {
  return toBinary(
    election.VoteResponseSchema,
    create(election.VoteResponseSchema, {
      term: BigInt(message.term),
      voteGranted: message.granted,
      lastLogIndex: BigInt(message.lastLog.index),
      lastLogTerm: BigInt(message.lastLog.term),
    }),
  );
}

export function decodeRequestVoteResponse(bytes: Uint8Array): RequestVoteResponse {
  const response = fromBinary(election.VoteResponseSchema, bytes);
  return { kind: "requestVoteResponse", ...asked(response), granted: response.voteGranted };
}

export function encodePreVote(from: NodeId, message: PreVote): Uint8Array {
  const request = create(peer.PreVoteRequestSchema, candidacy(from, message));
  return toBinary(peer.PreVoteRequestSchema, request);
}

export function decodePreVote(bytes: Uint8Array): Addressed<PreVote> {
  const request = fromBinary(peer.PreVoteRequestSchema, bytes);
  return { from: nodeId(request.candidateId), message: { kind: "preVote", ...asked(request) } };
}

export function encodePreVoteResponse(message: PreVoteResponse): Uint8Array {
  return toBinary(
    peer.PreVoteResponseSchema,
    create(peer.PreVoteResponseSchema, {
      term: BigInt(message.term),
      campaignTerm: BigInt(message.campaignTerm),
      voteGranted: message.granted,
    }),
  );
}

export function decodePreVoteResponse(bytes: Uint8Array): PreVoteResponse {
  const response = fromBinary(peer.PreVoteResponseSchema, bytes);
  return {
    kind: "preVoteResponse",
    term: term(Number(response.term)),
    campaignTerm: term(Number(response.campaignTerm)),
    granted: response.voteGranted,
  };
}

export function encodeTimeoutNow(from: NodeId, message: TimeoutNow): Uint8Array {
  return toBinary(
    peer.TimeoutNowRequestSchema,
    create(peer.TimeoutNowRequestSchema, { term: BigInt(message.term), leaderId: from }),
  );
}

export function decodeTimeoutNow(bytes: Uint8Array): Addressed<TimeoutNow> {
  const request = fromBinary(peer.TimeoutNowRequestSchema, bytes);
  const message = { kind: "timeoutNow", term: term(Number(request.term)) } as const;
  return { from: nodeId(request.leaderId), message };
}

export function encodeReadIndex(from: NodeId, message: ReadIndex): Uint8Array {
  return toBinary(
    peer.ReadIndexRequestSchema,
    create(peer.ReadIndexRequestSchema, {
      term: BigInt(message.term),
      nodeId: from,
      nonce: BigInt(message.id.nonce),
      sequence: BigInt(message.id.sequence),
    }),
  );
}

export function decodeReadIndex(bytes: Uint8Array): Addressed<ReadIndex> {
  const request = fromBinary(peer.ReadIndexRequestSchema, bytes);
  const message = { kind: "readIndex", term: term(Number(request.term)), id: readId(request) };
  return { from: nodeId(request.nodeId), message: message as ReadIndex };
}

export function encodeReadIndexResponse(message: ReadIndexResponse): Uint8Array {
  const response = create(peer.ReadIndexResponseSchema, {
    term: BigInt(message.term),
    nonce: BigInt(message.id.nonce),
    sequence: BigInt(message.id.sequence),
  });
  if (message.index !== undefined) response.index = BigInt(message.index);
  return toBinary(peer.ReadIndexResponseSchema, response);
}

export function decodeReadIndexResponse(bytes: Uint8Array): ReadIndexResponse {
  const response = fromBinary(peer.ReadIndexResponseSchema, bytes);
  let index: LogIndex | undefined;
  if (response.index !== undefined) index = logIndex(Number(response.index));
  const ofTerm = term(Number(response.term));
  return { kind: "readIndexResponse", term: ofTerm, id: readId(response), index };
}

function candidacy(from: NodeId, message: RequestVote | PreVote) {
  return {
    term: BigInt(message.term),
    candidateId: from,
    lastLogIndex: BigInt(message.lastLog.index),
    lastLogTerm: BigInt(message.lastLog.term),
  };
}

interface LogPosition {
  readonly term: bigint;
  readonly lastLogIndex: bigint;
  readonly lastLogTerm: bigint;
}

function asked(request: LogPosition) {
  const lastLog: LogId = {
    term: term(Number(request.lastLogTerm)),
    index: logIndex(Number(request.lastLogIndex)),
  };
  return { term: term(Number(request.term)), lastLog };
}

/** A number that could not be given back as it was would break the answer, and with it the node. */
function readId({ nonce, sequence }: { readonly nonce: bigint; readonly sequence: bigint }) {
  const id = { nonce: Number(nonce), sequence: Number(sequence) };
  if (Number.isSafeInteger(id.nonce) && Number.isSafeInteger(id.sequence)) return id;
  throw new RangeError(`the numbers of a question end at 2^53 - 1, got ${nonce} and ${sequence}`);
}
