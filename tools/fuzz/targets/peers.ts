import type { NodeId } from "@d-engine/core";
import { type DescMessage, election, peer, storage, toBinary } from "@d-engine/proto";
import {
  decodeChunk,
  decodePreVote,
  decodePreVoteResponse,
  decodeReadIndex,
  decodeReadIndexResponse,
  decodeRequestVote,
  decodeRequestVoteResponse,
  decodeTimeoutNow,
  encodeChunk,
  encodePreVote,
  encodePreVoteResponse,
  encodeReadIndex,
  encodeReadIndexResponse,
  encodeRequestVote,
  encodeRequestVoteResponse,
  encodeTimeoutNow,
} from "@d-engine/server/internal";
import { randomMessage } from "../random-message.js";
import { type FuzzTarget, keepsMeaning } from "../target.js";
import { isCodecRefusal } from "./codec.js";

/** What the services of peers answer INVALID_ARGUMENT to: malformed bytes, numbers out of range. */
export function isPeerRefusal(error: unknown): boolean {
  if (isCodecRefusal(error) || error instanceof RangeError) return true;
  // The runtime of the generated code throws no class of its own.
  return error instanceof Error && error.constructor === Error;
}

function frameTarget<T>(
  name: string,
  schema: DescMessage,
  decode: (bytes: Uint8Array) => T,
  encode?: (value: T) => Uint8Array,
): FuzzTarget {
  return {
    name: `peers/${name}`,
    samples: (random) => {
      const made = Array.from({ length: 400 }, () =>
        toBinary(schema, randomMessage(schema, random)),
      );
      return made.filter((bytes) => isTaken(() => decode(bytes))).slice(0, 40);
    },
    run: (bytes) => {
      const decoded = decode(bytes);
      if (encode !== undefined) keepsMeaning(decoded, encode, decode);
    },
    isRefusal: isPeerRefusal,
  };
}

const two = 2 as NodeId;

function isTaken(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/** Frames of peers, by themselves. */
export const peerTargets: readonly FuzzTarget[] = [
  frameTarget("request-vote", election.VoteRequestSchema, decodeRequestVote, (vote) =>
    encodeRequestVote(vote.from, vote.message),
  ),
  frameTarget(
    "vote-response",
    election.VoteResponseSchema,
    decodeRequestVoteResponse,
    encodeRequestVoteResponse,
  ),
  frameTarget("pre-vote", peer.PreVoteRequestSchema, decodePreVote, (vote) =>
    encodePreVote(vote.from, vote.message),
  ),
  frameTarget(
    "pre-vote-response",
    peer.PreVoteResponseSchema,
    decodePreVoteResponse,
    encodePreVoteResponse,
  ),
  frameTarget("timeout-now", peer.TimeoutNowRequestSchema, decodeTimeoutNow, (now) =>
    encodeTimeoutNow(now.from, now.message),
  ),
  frameTarget("read-index", peer.ReadIndexRequestSchema, decodeReadIndex, (read) =>
    encodeReadIndex(read.from, read.message),
  ),
  frameTarget(
    "read-index-response",
    peer.ReadIndexResponseSchema,
    decodeReadIndexResponse,
    encodeReadIndexResponse,
  ),
  {
    ...frameTarget("snapshot-chunk", storage.SnapshotChunkSchema, decodeChunk),
    samples: () => {
      const label = {
        lastIncluded: { term: 4, index: 5 },
        checksum: new Uint8Array(32).fill(7),
        bytes: 100,
      };
      const sender = { term: 5, leaderId: two, totalChunks: 2 };
      const chunk = { sequence: 0, crc32: 99, data: new Uint8Array(64).fill(1) };
      return [
        encodeChunk(sender as never, chunk, { label, chunkBytes: 64 } as never),
        encodeChunk(sender as never, { ...chunk, sequence: 1 }, undefined),
      ];
    },
  },
];
