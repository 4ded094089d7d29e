import type { LogIndex } from "../ids.js";
import type { RaftOptions } from "../options.js";
import { InflightWindow } from "./inflight.js";

/**
 * How a leader sends to one peer.
 * - `probe`: where the logs agree is not known; one request at a time.
 * - `replicate`: they agree; requests are pipelined and `nextIndex` runs ahead of the answers.
 * - `snapshot`: the peer needs entries that the log no longer has; only heartbeats are sent, and
 *   a snapshot outside of the core.
 */
export type ReplicationState = "probe" | "replicate" | "snapshot";

/** What a leader knows about one other member. Lives as long as the leadership. */
export class Progress {
  state: ReplicationState = "probe";
  /** The peer holds everything up to here, durable and equal to ours. Never goes back. */
  matchIndex = 0 as LogIndex;
  /** The next entry to send. Invariant: nextIndex > matchIndex. */
  nextIndex: LogIndex;
  /**
   * In `probe`: a request is out, and none follows before an answer. When it was lost, the answer
   * to the next heartbeat, which stands at the same place, takes its part.
   */
  probeSent = false;
  /**
   * The newest round when a refusal ended `replicate`. Answers up to it may be to what was in flight
   * then: they end the probe only by raising the match.
   */
  refusedRound = 0;
  /** Entries are being read back from the disk for this peer; none other is asked for. */
  readingLog = false;
  /** In `snapshot`: none is on its way, and an answer from then on begins another transfer. */
  resendSnapshotMs: number | undefined;
  readonly inflight: InflightWindow;
  /** The highest commit index that was sent, so that a quiet follower learns of a newer one. */
  sentCommit = 0 as LogIndex;
  /** When any answer of this term last came in (check-quorum). */
  heardMs: number;
  /** The newest round that the peer has answered; 0 before the first. */
  ackedRound = 0;
  /** When that round was sent; what a lease may count from. */
  ackedRoundSentMs = Number.NEGATIVE_INFINITY;
  /** The election timeout that the peer promised with that answer; 0 when it promised none. */
  promisedTimeoutMs = 0;
  /** Answers to earlier rounds are those of a namesake that was removed. */
  readonly firstRound: number;

  constructor(nextIndex: LogIndex, nowMs: number, options: RaftOptions, firstRound = 0) {
    this.nextIndex = nextIndex;
    this.firstRound = firstRound;
    this.heardMs = nowMs;
    this.inflight = new InflightWindow(options.inflightMessagesMax, options.inflightBytesMax);
  }

  /** Whether another request with entries may leave now. */
  get mayReplicate(): boolean {
    if (this.readingLog || this.state === "snapshot") return false;
    return this.state === "probe" ? !this.probeSent : !this.inflight.full;
  }

  /**
   * Raises the match; an older answer that arrives late changes nothing (scenario 17).
   * @param round - the round that the answer echoes, if it tells one.
   */
  acknowledge(matchIndex: LogIndex, round?: number): void {
    const raises = matchIndex > this.matchIndex;
    if (raises) {
      this.matchIndex = matchIndex;
      if (this.nextIndex <= matchIndex) this.nextIndex = (matchIndex + 1) as LogIndex;
    }
    this.inflight.freeTo(this.matchIndex);
    if (this.state === "probe") {
      // 1. Requests overtake each other, and the one that came too early is refused. 2. The others
      // are answered, while the peer's disk has none of them yet. 3. If any such answer opened the
      // window again, a whole window would be sent for each refusal and answer, at the speed of the
      // network, until the disk is done.
      if (!raises && round !== undefined && round <= this.refusedRound) return;
      this.state = "replicate";
    }
    this.probeSent = false;
  }

  /** The peer refused a request: asks where the logs agree, from `nextIndex` on. */
  refuse(nextIndex: LogIndex, round: number): void {
    if (this.state === "replicate") this.refusedRound = round;
    this.becomeProbe(nextIndex);
  }

  /** Goes back to asking where the logs agree, from `nextIndex` on. */
  becomeProbe(nextIndex: LogIndex): void {
    this.state = "probe";
    this.nextIndex = Math.max(nextIndex, this.matchIndex + 1) as LogIndex;
    this.probeSent = false;
    this.inflight.clear();
  }

  becomeSnapshot(): void {
    this.state = "snapshot";
    this.probeSent = false;
    this.resendSnapshotMs = undefined;
    this.inflight.clear();
  }
}
