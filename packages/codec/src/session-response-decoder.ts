import { noBytes } from "./draft.js";
import { Reader } from "./reader.js";
import type {
  DecodedSessionResult,
  SessionHello,
  SessionResponse,
  SessionScanEntry,
  SessionWindow,
} from "./session-message.js";
import type { Slab } from "./slab.js";
import { bytesToUtf8 } from "./utf8.js";

/** What a client reads of one answer. */
export interface DecodedSessionResponse extends Omit<SessionResponse, "results"> {
  readonly results: readonly DecodedSessionResult[];
  readonly draining: boolean;
}

/**
 * Reads one `SessionResponse`. Keys and values are copied into `slab`: they are handed to users,
 * who may keep them. Throws `CodecError` for malformed bytes.
 */
export function decodeSessionResponse(bytes: Uint8Array, slab: Slab): DecodedSessionResponse {
  const reader = new Reader(bytes, slab);
  const draft = new ResultDraft();
  const results: DecodedSessionResult[] = [];
  let hello: SessionHello | undefined;
  let window: SessionWindow | undefined;
  let pong: number | undefined;
  let draining = false;
  while (reader.hasMore()) {
    const tag = reader.tag(response);
    switch (tag) {
      case 0x0a:
        hello = nested(reader, "hello", () => readHello(reader, hello));
        break;
      case 0x12:
        window = nested(reader, "window", () => readWindow(reader, window));
        break;
      case 0x1a: {
        const outer = reader.enter(`${response}.results`);
        draft.clear();
        readResult(reader, draft);
        results.push(draft.finish());
        reader.leave(outer);
        break;
      }
      case 0x20:
        pong = reader.uint64(`${response}.pong`);
        break;
      case 0x28:
        draining = reader.flag(`${response}.draining`);
        break;
      default:
        reader.skipUnknown(response, tag, tag >>> 3 <= 5);
    }
  }
  return { hello, window, results, pong, draining };
}

const response = "SessionResponse";
const writeTag = 0x1a;
const readTag = 0x22;
const scanTag = 0x2a;
const failureTag = 0x32;
const queryTag = 0x3a;

/** A result while it is read: of the members of the oneof the last one counts. */
class ResultDraft {
  id = 0;
  more = false;
  kind = 0;
  succeeded = false;
  existed = false;
  revision = 0;
  /** The detail of a write, or the answer to a query. */
  bytes: Uint8Array = noBytes;
  values: (Uint8Array | undefined)[] = [];
  entries: SessionScanEntry[] = [];
  code = 0;
  message = "";
  leaderId = 0;
  leaderAddress = "";
  retryAfterMs: number | undefined = undefined;

  clear(): void {
    this.id = 0;
    this.more = false;
    this.kind = 0;
  }

  /** The same member again is merged into the first, another begins anew. */
  begin(tag: number): void {
    if (this.kind === tag) return;
    this.kind = tag;
    this.succeeded = false;
    this.existed = false;
    this.revision = 0;
    this.bytes = noBytes;
    if (tag === readTag) this.values = [];
    if (tag === scanTag) this.entries = [];
    if (tag !== failureTag) return;
    this.code = 0;
    this.message = "";
    this.leaderId = 0;
    this.leaderAddress = "";
    this.retryAfterMs = undefined;
  }

  finish(): DecodedSessionResult {
    const { id, more, revision } = this;
    switch (this.kind) {
      case writeTag: {
        const { succeeded, existed, bytes } = this;
        const detail = bytes.length === 0 ? undefined : bytes;
        return { kind: "write", id, succeeded, revision, existed, detail };
      }
      case readTag:
        return { kind: "read", id, more, values: this.values };
      case scanTag:
        return { kind: "scan", id, more, entries: this.entries, revision };
      case failureTag: {
        const { code, message, leaderId, leaderAddress, retryAfterMs } = this;
        return { kind: "failure", id, code, message, leaderId, leaderAddress, retryAfterMs };
      }
      case queryTag:
        return { kind: "query", id, answer: this.bytes };
      default:
        return { kind: "none", id };
    }
  }
}

function nested<T>(reader: Reader, field: string, read: () => T): T {
  const outer = reader.enter(`${response}.${field}`);
  const value = read();
  reader.leave(outer);
  return value;
}

/** A second occurrence is merged into the first, here as with windows. */
function readHello(reader: Reader, first: SessionHello | undefined): SessionHello {
  let nodeId = first?.nodeId ?? 0;
  while (reader.hasMore()) {
    const tag = reader.tag("Hello");
    if (tag === 0x08) nodeId = reader.uint32("Hello.node_id");
    else reader.skipUnknown("Hello", tag, tag >>> 3 === 1);
  }
  return { nodeId };
}

function readWindow(reader: Reader, first: SessionWindow | undefined): SessionWindow {
  let { operationsMax, operationBytesMax, messageBytesMax } = first ?? noWindow;
  while (reader.hasMore()) {
    const tag = reader.tag("Window");
    if (tag === 0x08) operationsMax = reader.uint32("Window.operations_max");
    else if (tag === 0x10) operationBytesMax = reader.uint64("Window.operation_bytes_max");
    else if (tag === 0x18) messageBytesMax = reader.uint64("Window.message_bytes_max");
    else reader.skipUnknown("Window", tag, tag >>> 3 <= 3);
  }
  return { operationsMax, operationBytesMax, messageBytesMax };
}

const noWindow: SessionWindow = { operationsMax: 0, operationBytesMax: 0, messageBytesMax: 0 };

function readResult(reader: Reader, draft: ResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("Result");
    switch (tag) {
      case 0x08:
        draft.id = reader.uint64("Result.id");
        break;
      case 0x10:
        draft.more = reader.flag("Result.more");
        break;
      case writeTag:
      case readTag:
      case scanTag:
      case failureTag: {
        draft.begin(tag);
        const outer = reader.enter("Result.kind");
        if (tag === writeTag) readWriteResult(reader, draft);
        else if (tag === readTag) readReadResult(reader, draft);
        else if (tag === scanTag) readScanResult(reader, draft);
        else readFailure(reader, draft);
        reader.leave(outer);
        break;
      }
      case queryTag:
        draft.begin(tag);
        draft.bytes = reader.byteField("Result.query");
        break;
      default:
        reader.skipUnknown("Result", tag, tag >>> 3 <= 7);
    }
  }
}

function readWriteResult(reader: Reader, draft: ResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("WriteResult");
    if (tag === 0x08) draft.succeeded = reader.flag("WriteResult.succeeded");
    else if (tag === 0x10) draft.revision = reader.uint64("WriteResult.revision");
    else if (tag === 0x18) draft.existed = reader.flag("WriteResult.existed");
    else if (tag === 0x22) draft.bytes = reader.byteField("WriteResult.detail");
    else reader.skipUnknown("WriteResult", tag, tag >>> 3 <= 4);
  }
}

function readReadResult(reader: Reader, draft: ResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("ReadResult");
    if (tag !== 0x0a) {
      reader.skipUnknown("ReadResult", tag, tag >>> 3 === 1);
      continue;
    }
    const outer = reader.enter("ReadResult.values");
    let value: Uint8Array | undefined;
    while (reader.hasMore()) {
      const inner = reader.tag("ReadValue");
      if (inner === 0x0a) value = reader.byteField("ReadValue.value");
      else reader.skipUnknown("ReadValue", inner, inner >>> 3 === 1);
    }
    draft.values.push(value);
    reader.leave(outer);
  }
}

function readScanResult(reader: Reader, draft: ResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("ScanResult");
    if (tag === 0x0a) {
      const outer = reader.enter("ScanResult.entries");
      draft.entries.push(readEntry(reader));
      reader.leave(outer);
    } else if (tag === 0x10) {
      draft.revision = reader.uint64("ScanResult.revision");
    } else {
      reader.skipUnknown("ScanResult", tag, tag >>> 3 <= 2);
    }
  }
}

function readEntry(reader: Reader): SessionScanEntry {
  let key: Uint8Array = noBytes;
  let value: Uint8Array = noBytes;
  while (reader.hasMore()) {
    const tag = reader.tag("KvEntry");
    if (tag === 0x0a) key = reader.byteField("KvEntry.key");
    else if (tag === 0x12) value = reader.byteField("KvEntry.value");
    else reader.skipUnknown("KvEntry", tag, tag >>> 3 <= 2);
  }
  return { key, value };
}

function readFailure(reader: Reader, draft: ResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("Failure");
    if (tag === 0x08) draft.code = reader.uint32("Failure.code");
    else if (tag === 0x12) draft.message = readText(reader, "Failure.message");
    else if (tag === 0x18) draft.leaderId = reader.uint32("Failure.leader_id");
    else if (tag === 0x22) draft.leaderAddress = readText(reader, "Failure.leader_address");
    else if (tag === 0x28) draft.retryAfterMs = reader.uint64("Failure.retry_after_ms");
    else reader.skipUnknown("Failure", tag, tag >>> 3 <= 5);
  }
}

function readText(reader: Reader, field: string): string {
  return bytesToUtf8(reader.byteField(field), field);
}
