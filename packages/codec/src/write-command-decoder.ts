import { noBytes } from "./draft.js";
import { readIdentity } from "./identity.js";
import type { Identity, KvCommand, SessionMark } from "./kv-command.js";
import { decodeKvCommand } from "./kv-command-decoder.js";
import { Reader } from "./reader.js";
import { readSessionMark } from "./session-mark.js";
import type {
  CompareAndSwapCommand,
  DecodedWriteCommand,
  DeleteCommand,
  Marks,
  NoCommand,
  PutCommand,
} from "./write-command.js";
import { identityTag, kvCommandTag, sessionTag, stampTag } from "./write-marks.js";

/**
 * Reads one `d_engine.client.WriteCommand`. Keys and values are views of `bytes`: nothing is
 * copied. `ttl_ms` wins over `ttl_secs` when it is not 0 (rule R15). A stamp is reported wherever
 * it stands, one of 0 too.
 *
 * @throws CodecError for malformed bytes and for a time to live past 2^53 - 1 ms
 * @throws EngineError `VERSION_MISMATCH` for a kv command with a part that this version does not
 * know
 */
export function decodeWriteCommand(bytes: Uint8Array): DecodedWriteCommand {
  const reader = new Reader(bytes);
  const draft = new CommandDraft();
  while (reader.hasMore()) {
    const tag = reader.tag("WriteCommand");
    if (tag !== insertTag && tag !== deleteTag && tag !== compareAndSwapTag) {
      readBeyond(reader, draft, tag);
      continue;
    }
    const outer = reader.enter("WriteCommand.operation");
    draft.begin(tag);
    if (tag === insertTag) readInsert(reader, draft);
    else if (tag === deleteTag) readDelete(reader, draft);
    else readCompareAndSwap(reader, draft);
    reader.leave(outer);
  }
  return finish(reader, draft);
}

const insertTag = 0x0a;
const deleteTag = 0x12;
const compareAndSwapTag = 0x1a;

const NO_COMMAND: NoCommand = Object.freeze({ kind: "none" });

/** The operation while it is read: a second occurrence of the same is merged into the first. */
class CommandDraft {
  tag = 0;
  key: Uint8Array = noBytes;
  value: Uint8Array = noBytes;
  expected: Uint8Array | undefined = undefined;
  ttlSecs = 0;
  ttlMs = 0;
  /** Where in the bytes the kv command begins. */
  origin = 0;
  stampMs: number | undefined = undefined;
  mark: SessionMark | undefined = undefined;
  identity: Identity | undefined = undefined;

  /** Another member of the oneof begins anew. */
  begin(tag: number): void {
    if (this.tag === tag) return;
    this.tag = tag;
    this.key = noBytes;
    this.value = noBytes;
    this.expected = undefined;
    this.ttlSecs = 0;
    this.ttlMs = 0;
  }
}

/** What we added to the contract's message, or what neither has. */
function readBeyond(reader: Reader, draft: CommandDraft, tag: number): void {
  switch (tag) {
    case stampTag:
      draft.stampMs = reader.fixed64("WriteCommand.stamp_ms");
      return;
    case kvCommandTag:
      draft.begin(tag);
      draft.value = reader.byteField("WriteCommand.kv_command");
      draft.origin = reader.position - draft.value.length;
      return;
    case sessionTag: {
      const outer = reader.enter("WriteCommand.session");
      draft.mark = readSessionMark(reader, draft.mark);
      reader.leave(outer);
      return;
    }
    case identityTag: {
      const outer = reader.enter("WriteCommand.identity");
      draft.identity = readIdentity(reader, draft.identity);
      reader.leave(outer);
      return;
    }
    default: {
      const number = tag >>> 3;
      reader.skipUnknown("WriteCommand", tag, number <= 3 || (number >= 100 && number <= 103));
    }
  }
}

function readInsert(reader: Reader, draft: CommandDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("WriteCommand.Insert");
    switch (tag) {
      case 0x0a:
        draft.key = reader.byteField("WriteCommand.Insert.key");
        break;
      case 0x12:
        draft.value = reader.byteField("WriteCommand.Insert.value");
        break;
      case 0x18:
        draft.ttlSecs = reader.uint64("WriteCommand.Insert.ttl_secs");
        break;
      case 800: // field 100
        draft.ttlMs = reader.uint64("WriteCommand.Insert.ttl_ms");
        break;
      default:
        reader.skipUnknown("WriteCommand.Insert", tag, tag >>> 3 <= 3 || tag >>> 3 === 100);
    }
  }
}

function readDelete(reader: Reader, draft: CommandDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("WriteCommand.Delete");
    if (tag === 0x0a) draft.key = reader.byteField("WriteCommand.Delete.key");
    else reader.skipUnknown("WriteCommand.Delete", tag, tag >>> 3 === 1);
  }
}

function readCompareAndSwap(reader: Reader, draft: CommandDraft): void {
  const message = "WriteCommand.CompareAndSwap";
  while (reader.hasMore()) {
    const tag = reader.tag(message);
    switch (tag) {
      case 0x0a:
        draft.key = reader.byteField("WriteCommand.CompareAndSwap.key");
        break;
      case 0x12:
        draft.expected = reader.byteField("WriteCommand.CompareAndSwap.expected_value");
        break;
      case 0x1a:
        draft.value = reader.byteField("WriteCommand.CompareAndSwap.new_value");
        break;
      default:
        reader.skipUnknown(message, tag, tag >>> 3 <= 3);
    }
  }
}

function finish(reader: Reader, draft: CommandDraft): DecodedWriteCommand {
  const operation = finishOperation(reader, draft);
  const { stampMs, mark, identity } = draft;
  if (operation.kind === "none") return operation;
  if (stampMs === undefined && mark === undefined && identity === undefined) return operation;
  const marks: Marks = {
    ...(stampMs === undefined ? {} : { stampMs }),
    ...(mark === undefined ? {} : { mark }),
    ...(identity === undefined ? {} : { identity }),
  };
  return { ...operation, ...marks };
}

type Operation = PutCommand | DeleteCommand | CompareAndSwapCommand | KvCommand | NoCommand;

function finishOperation(reader: Reader, draft: CommandDraft): Operation {
  switch (draft.tag) {
    case insertTag:
      return finishPut(reader, draft);
    case deleteTag:
      return { kind: "delete", key: draft.key };
    case compareAndSwapTag:
      return finishCompareAndSwap(draft);
    case kvCommandTag:
      return decodeKvCommand(draft.value, draft.origin);
    default:
      return NO_COMMAND;
  }
}

function finishPut(reader: Reader, draft: CommandDraft): PutCommand {
  const ttlMs = draft.ttlMs === 0 ? draft.ttlSecs * 1000 : draft.ttlMs;
  if (ttlMs > Number.MAX_SAFE_INTEGER) {
    reader.fail("WriteCommand.Insert.ttl_secs", "exceeds 2^53 - 1 milliseconds");
  }
  return { kind: "put", key: draft.key, value: draft.value, ttlMs };
}

function finishCompareAndSwap(draft: CommandDraft): CompareAndSwapCommand {
  const { key, expected, value } = draft;
  return { kind: "compareAndSwap", key, expected, value };
}
