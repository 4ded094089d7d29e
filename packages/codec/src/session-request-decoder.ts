import { noBytes } from "./draft.js";
import { Reader } from "./reader.js";
import type { DecodedSessionOperation, SessionRequest } from "./session-message.js";
import type { Slab } from "./slab.js";

/** What a node reads of one request. */
export interface DecodedSessionRequest extends Omit<SessionRequest, "operations"> {
  readonly operations: readonly DecodedSessionOperation[];
  /** Bytes of each operation, by which windows count. */
  readonly sizes: readonly number[];
}

/**
 * Reads one `SessionRequest`. Commands and keys are copied into `slab`, so that a small one which
 * is kept does not hold on to a large request. Throws `CodecError` for malformed bytes.
 */
export function decodeSessionRequest(bytes: Uint8Array, slab: Slab): DecodedSessionRequest {
  const reader = new Reader(bytes, slab);
  const draft = new OperationDraft();
  const operations: DecodedSessionOperation[] = [];
  const sizes: number[] = [];
  let ping: number | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag(request);
    if (tag === operationsTag) {
      const outer = reader.enter(`${request}.operations`);
      sizes.push(reader.limit - reader.position);
      draft.clear();
      readOperation(reader, draft);
      operations.push(draft.finish());
      reader.leave(outer);
    } else if (tag === pingTag) {
      ping = reader.uint64(`${request}.ping`);
    } else {
      reader.skipUnknown(request, tag, tag >>> 3 <= 2);
    }
  }
  return { operations, sizes, ping };
}

const request = "SessionRequest";
const operationsTag = 0x0a;
const pingTag = 0x10;
const idTag = 0x08;
const timeoutMsTag = 0x10;
const writeTag = 0x1a;
const readTag = 0x22;
const scanTag = 0x2a;
const cancelTag = 0x30;
const queryTag = 0x3a;
const keysTag = 0x0a;
const prefixTag = 0x0a;
const queryBytesTag = 0x0a;
const policyTag = 0x10;

/** An operation while it is read: of the members of the oneof the last one counts. */
class OperationDraft {
  id = 0;
  timeoutMs = 0;
  kind = 0;
  bytes: Uint8Array = noBytes;
  keys: Uint8Array[] = [];
  policy: number | undefined = undefined;
  target = 0;

  clear(): void {
    this.id = 0;
    this.timeoutMs = 0;
    this.kind = 0;
  }

  /** The same member again is merged into the first, another begins anew. */
  begin(tag: number): void {
    if (this.kind === tag) return;
    this.kind = tag;
    this.bytes = noBytes;
    this.policy = undefined;
    if (tag === readTag) this.keys = [];
  }

  finish(): DecodedSessionOperation {
    const { id, timeoutMs, bytes, keys, policy } = this;
    switch (this.kind) {
      case writeTag:
        return { kind: "write", id, timeoutMs, command: bytes };
      case readTag:
        return { kind: "read", id, timeoutMs, keys, policy };
      case scanTag:
        return { kind: "scan", id, timeoutMs, prefix: bytes, policy };
      case queryTag:
        return { kind: "query", id, timeoutMs, query: bytes, policy };
      case cancelTag:
        return { kind: "cancel", target: this.target };
      default:
        return { kind: "none", id, timeoutMs };
    }
  }
}

function readOperation(reader: Reader, draft: OperationDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("Operation");
    switch (tag) {
      case idTag:
        draft.id = reader.uint64("Operation.id");
        break;
      case timeoutMsTag:
        draft.timeoutMs = reader.uint32("Operation.timeout_ms");
        break;
      case writeTag:
        draft.begin(tag);
        draft.bytes = reader.byteField("Operation.write");
        break;
      case readTag:
      case scanTag:
      case queryTag: {
        draft.begin(tag);
        const outer = reader.enter("Operation.kind");
        if (tag === readTag) readRead(reader, draft);
        else if (tag === scanTag) readScan(reader, draft);
        else readQuery(reader, draft);
        reader.leave(outer);
        break;
      }
      case cancelTag:
        draft.begin(tag);
        draft.target = reader.uint64("Operation.cancel");
        break;
      default:
        reader.skipUnknown("Operation", tag, tag >>> 3 <= 7);
    }
  }
}

function readRead(reader: Reader, draft: OperationDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("Read");
    if (tag === keysTag) draft.keys.push(reader.byteField("Read.keys"));
    else if (tag === policyTag) draft.policy = reader.uint32("Read.consistency_policy");
    else reader.skipUnknown("Read", tag, tag >>> 3 <= 2);
  }
}

function readScan(reader: Reader, draft: OperationDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("Scan");
    if (tag === prefixTag) draft.bytes = reader.byteField("Scan.prefix");
    else if (tag === policyTag) draft.policy = reader.uint32("Scan.consistency_policy");
    else reader.skipUnknown("Scan", tag, tag >>> 3 <= 2);
  }
}

function readQuery(reader: Reader, draft: OperationDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("Query");
    if (tag === queryBytesTag) draft.bytes = reader.byteField("Query.query");
    else if (tag === policyTag) draft.policy = reader.uint32("Query.consistency_policy");
    else reader.skipUnknown("Query", tag, tag >>> 3 <= 2);
  }
}
