import type {
  InputEvent,
  InstallSnapshot,
  NodeId,
  RaftNode,
  Reply,
  RequestId,
} from "@d-engine/core";
import { BackOff } from "./back-off.js";
import { isWellFormed } from "./chunk-window.js";
import {
  type BuiltSnapshot,
  IncomingSnapshot,
  type IncomingSnapshotSetup,
} from "./incoming-snapshot.js";

export interface SnapshotReceiverSetup extends IncomingSnapshotSetup {
  readonly node: RaftNode;
  readonly post: (event: InputEvent) => void;
  readonly issueRequestId: () => RequestId;
  /** The core has taken it over: replaces the state, in this very turn. */
  readonly install: (built: BuiltSnapshot) => void;
  /** The node can not go on. */
  readonly failed: (error: Error) => void;
}

/**
 * Receives snapshots of the leader, one at a time. Which one, when two compete: that of the later
 * term wins, and within a term that with the later label; one that is complete is finished first,
 * since whatever was committed once may be installed. The same bytes go on where they were,
 * whoever sends them.
 */
export class SnapshotReceiver {
  readonly #setup: SnapshotReceiverSetup;
  readonly #backOff: BackOff;
  #receipt: IncomingSnapshot | undefined;
  #built: { readonly requestId: RequestId; readonly snapshot: BuiltSnapshot } | undefined;
  /** What is being closed; the next receipt begins behind it. */
  #ending: Promise<void> | undefined;
  #closed = false;

  constructor(setup: SnapshotReceiverSetup) {
    this.#setup = setup;
    this.#backOff = new BackOff(setup.clock);
  }

  get receiving(): boolean {
    return this.#receipt !== undefined;
  }

  chunks(from: NodeId, message: InstallSnapshot): void {
    if (this.#closed) return;
    if (!isWellFormed(message)) {
      this.#setup.counters.snapshotMessagesMalformed += 1;
      return;
    }
    // What is not answered is asked again by the sender.
    if (this.#ending !== undefined || !this.#backOff.over) return;
    this.#receiptFor(message)?.offer(from, message);
  }

  /** Whether the reply was meant for a snapshot. */
  reply(reply: Reply): boolean {
    const built = this.#built;
    if (built === undefined || reply.requestId !== built.requestId) return false;
    this.#built = undefined;
    this.#drop(false);
    if (reply.kind === "installed") {
      this.#setup.counters.snapshotsInstalled += 1;
      this.#setup.install(built.snapshot);
    }
    return true;
  }

  /** Ends what the log has overtaken. To be called after each step. */
  check(): void {
    const receipt = this.#receipt;
    if (receipt === undefined || this.#built !== undefined) return;
    if (receipt.label.lastIncluded.index <= this.#setup.node.commitIndex) this.#drop(true);
  }

  /** Closes what is open, and keeps it for the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#drop(false);
    await this.#ending;
  }

  #receiptFor(message: InstallSnapshot): IncomingSnapshot | undefined {
    const current = this.#receipt;
    if (current?.isOf(message.label)) return current;
    if (current !== undefined) {
      if (!current.complete && beats(message, current)) this.#drop(true);
      return undefined;
    }
    const { label, term } = message;
    const receipt = new IncomingSnapshot(
      this.#setup,
      { label, term },
      {
        progress: (to, { lastIncluded }, nextChunk) =>
          this.#setup.post({ kind: "snapshotProgress", to, lastIncluded, nextChunk }),
        built: (snapshot) => this.#onBuilt(snapshot),
        failed: (error) => this.#onFailed(receipt, error),
        broken: (error) => this.#setup.failed(error),
      },
    );
    this.#receipt = receipt;
    const { index } = label.lastIncluded;
    this.#setup.logger.info(`receiving a snapshot up to entry ${index}, ${label.bytes} bytes`);
    return receipt;
  }

  #onBuilt(snapshot: BuiltSnapshot): void {
    if (this.#closed) return;
    this.#backOff.succeeded();
    const { lastIncluded } = snapshot.label;
    const requestId = this.#setup.issueRequestId();
    this.#built = { requestId, snapshot };
    const { configuration } = snapshot;
    this.#setup.post({ kind: "snapshotReceived", requestId, lastIncluded, configuration });
  }

  #onFailed(receipt: IncomingSnapshot, error: unknown): void {
    const { counters, logger } = this.#setup;
    counters.snapshotReceiptFailures += 1;
    const delayMs = this.#backOff.failed();
    const why = error instanceof Error ? error.message : String(error);
    const what = `receiving the snapshot up to entry ${receipt.label.lastIncluded.index}`;
    logger.warn(`${what} failed, it is taken again in ${delayMs} ms: ${why}`, { error });
    if (this.#receipt === receipt) this.#receipt = undefined;
  }

  #drop(discard: boolean): void {
    const receipt = this.#receipt;
    if (receipt === undefined) return;
    this.#receipt = undefined;
    this.#ending = receipt
      .end(discard)
      .catch((error: unknown) => {
        this.#setup.logger.warn("a received snapshot was not closed", { error });
      })
      .finally(() => {
        this.#ending = undefined;
      });
  }
}

function beats(message: InstallSnapshot, current: IncomingSnapshot): boolean {
  if (message.term !== current.term) return message.term > current.term;
  return message.label.lastIncluded.index > current.label.lastIncluded.index;
}
