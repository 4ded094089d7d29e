import { type Draft, noBytes } from "./draft.js";
import {
  bytesFieldSize,
  optionalBytesSize,
  writeBytesField,
  writeOptionalBytes,
} from "./fields.js";
import { keyToString, stringToKey } from "./key-string.js";
import type { AuthChangeKind, AuthCommand, AuthRight } from "./kv-command.js";
import type { Reader } from "./reader.js";
import { newerVersion, refuseUnknownField } from "./unknown-field.js";
import { uintFieldSize } from "./wire-type.js";
import type { Writer } from "./writer.js";

/** `d_engine.kv.v1.AuthChange`. Names are one-byte strings, as keys are. */

/** By their numbers on the wire; 0 is no kind. */
export const authChangeKinds: readonly (AuthChangeKind | undefined)[] = [
  undefined,
  "enable",
  "disable",
  "addUser",
  "deleteUser",
  "setPassword",
  "grantRole",
  "revokeRole",
  "addRole",
  "deleteRole",
  "grantPermission",
  "revokePermission",
  "addToken",
  "deleteToken",
];

/** By their numbers on the wire. */
export const authRights: readonly AuthRight[] = ["read", "write", "readwrite"];

/** While it is read; the kinds are numbers until the whole is there. */
export interface AuthDraft {
  readonly kind: "auth";
  changeNumber: number;
  rightNumber: number;
  readonly fields: Draft<Omit<AuthCommand, "kind" | "change" | "right">>;
}

export function newAuthChange(): AuthDraft {
  const fields = { user: "", role: "", key: noBytes, rangeEnd: undefined, secret: noBytes };
  return { kind: "auth", changeNumber: 0, rightNumber: 0, fields: { ...fields, token: "" } };
}

export function readAuthChange(reader: Reader, draft: AuthDraft): void {
  const { fields } = draft;
  while (reader.hasMore()) {
    const tag = reader.tag("AuthChange");
    if (tag === 0x08) draft.changeNumber = reader.uint32("AuthChange.kind");
    else if (tag === 0x12) fields.user = keyToString(reader.byteField("AuthChange.user"));
    else if (tag === 0x1a) fields.role = keyToString(reader.byteField("AuthChange.role"));
    else if (tag === 0x22) fields.key = reader.byteField("AuthChange.key");
    else if (tag === 0x2a) fields.rangeEnd = reader.byteField("AuthChange.range_end");
    else if (tag === 0x30) draft.rightNumber = reader.uint32("AuthChange.right");
    else if (tag === 0x3a) fields.secret = reader.byteField("AuthChange.secret");
    else if (tag === 0x42) fields.token = keyToString(reader.byteField("AuthChange.token"));
    else refuseUnknownField(reader, "AuthChange", tag, tag >>> 3 <= 8);
  }
  const { changeNumber, rightNumber } = draft;
  if (changeNumber >= authChangeKinds.length) {
    throw newerVersion(`an AuthChange is of kind ${changeNumber}`);
  }
  if (rightNumber >= authRights.length) {
    throw newerVersion(`an AuthChange has right ${rightNumber}`);
  }
}

/** @throws CodecError for a change that says not what it is */
export function finishAuthChange(reader: Reader, draft: AuthDraft): AuthCommand {
  const change = authChangeKinds[draft.changeNumber];
  const right = authRights[draft.rightNumber];
  if (change === undefined || right === undefined) reader.fail("AuthChange", "has no kind");
  return { kind: "auth", change, ...draft.fields, right };
}

export function authChangeSize(command: AuthCommand): number {
  const { user, role, key, rangeEnd, secret, token } = command;
  return (
    uintFieldSize(authChangeKinds.indexOf(command.change)) +
    bytesFieldSize(stringToKey(user)) +
    bytesFieldSize(stringToKey(role)) +
    bytesFieldSize(key) +
    optionalBytesSize(rangeEnd) +
    uintFieldSize(authRights.indexOf(command.right)) +
    bytesFieldSize(secret) +
    bytesFieldSize(stringToKey(token))
  );
}

export function writeAuthChange(writer: Writer, command: AuthCommand): void {
  writer.uint64Field(0x08, authChangeKinds.indexOf(command.change), "AuthChange.kind");
  writeBytesField(writer, 0x12, stringToKey(command.user));
  writeBytesField(writer, 0x1a, stringToKey(command.role));
  writeBytesField(writer, 0x22, command.key);
  writeOptionalBytes(writer, 0x2a, command.rangeEnd);
  writer.uint64Field(0x30, authRights.indexOf(command.right), "AuthChange.right");
  writeBytesField(writer, 0x3a, command.secret);
  writeBytesField(writer, 0x42, stringToKey(command.token));
}
