import type {
  Effects,
  HardState,
  LogReadRequest,
  Reply,
  RoleChange,
  SnapshotWork,
} from "./effects.js";
import type { Entry } from "./entry.js";
import type { BatchId, LogId } from "./ids.js";
import { invariant } from "./invariant.js";
import type { MembershipConfiguration } from "./membership/configuration.js";
import type { Envelope } from "./message.js";

const none: readonly never[] = Object.freeze([]);

/** Gathers the effects of one step. */
export class Outbox {
  hardState: HardState | undefined;
  roleChange: RoleChange | undefined;
  configuration: MembershipConfiguration | undefined;
  #resetLog: LogId | undefined;
  #snapshots: SnapshotWork[] | undefined;
  #append: Entry[] | undefined;
  #send: Envelope[] | undefined;
  #sendAfterPersist: Envelope[] | undefined;
  #apply: readonly Entry[] | undefined;
  #replies: Reply[] | undefined;
  #readLog: LogReadRequest[] | undefined;

  get writes(): boolean {
    return (
      this.hardState !== undefined || this.#append !== undefined || this.#resetLog !== undefined
    );
  }

  /** Must come before any `append` of the same step. */
  resetLog(base: LogId): void {
    invariant(this.#append === undefined, "a log reset behind entries of the same step");
    this.#resetLog = base;
  }

  snapshot(work: SnapshotWork): void {
    if (this.#snapshots === undefined) this.#snapshots = [work];
    else this.#snapshots.push(work);
  }

  append(entries: readonly Entry[]): void {
    if (this.#append === undefined) this.#append = entries as Entry[];
    else this.#append = [...this.#append, ...entries];
  }

  send(envelope: Envelope): void {
    if (this.#send === undefined) this.#send = [envelope];
    else this.#send.push(envelope);
  }

  sendAfterPersist(envelope: Envelope): void {
    if (this.#sendAfterPersist === undefined) this.#sendAfterPersist = [envelope];
    else this.#sendAfterPersist.push(envelope);
  }

  apply(entries: readonly Entry[]): void {
    this.#apply = this.#apply === undefined ? entries : [...this.#apply, ...entries];
  }

  reply(reply: Reply): void {
    if (this.#replies === undefined) this.#replies = [reply];
    else this.#replies.push(reply);
  }

  readLog(request: LogReadRequest): void {
    if (this.#readLog === undefined) this.#readLog = [request];
    else this.#readLog.push(request);
  }

  take(batch: BatchId): Effects {
    const effects: Effects = {
      batch,
      hardState: this.hardState,
      append: this.#append ?? none,
      resetLog: this.#resetLog,
      send: this.#send ?? none,
      sendAfterPersist: this.#sendAfterPersist ?? none,
      apply: this.#apply ?? none,
      replies: this.#replies ?? none,
      readLog: this.#readLog ?? none,
      snapshots: this.#snapshots ?? none,
      configuration: this.configuration,
      roleChange: this.roleChange,
    };
    this.hardState = undefined;
    this.roleChange = undefined;
    this.#append = undefined;
    this.#send = undefined;
    this.#sendAfterPersist = undefined;
    this.#apply = undefined;
    this.#replies = undefined;
    this.#readLog = undefined;
    this.#snapshots = undefined;
    this.#resetLog = undefined;
    this.configuration = undefined;
    return effects;
  }
}
