import { authRights, stringToKey, Writer } from "@d-engine/codec";
import type { SnapshotRecord } from "@d-engine/core";
import { aboveEveryByte, lowestByte } from "../prefix-range.js";
import type { AuthPermission, AuthRole, AuthState, AuthUser } from "./auth-state.js";

/** The first bytes of the keys of users and roles in a snapshot, in this order. */
export const AUTH_NAMESPACE = Object.freeze({
  /** One record, of the key's first byte alone: `AuthState`. */
  state: 0x33,
  /** Followed by the name: `AuthUser`. */
  user: 0x34,
  /** Followed by the name: `AuthRole`. */
  role: 0x35,
});

/** Who may do what as the records of a snapshot; none where nothing was ever changed. */
export function* authSnapshotRecords(auth: AuthState): Generator<SnapshotRecord, void> {
  if (auth.revision === 0) return;
  yield { key: Uint8Array.of(AUTH_NAMESPACE.state), value: encodeState(auth) };
  for (const name of [...auth.users.keys()].sort()) {
    yield { key: namedKey(AUTH_NAMESPACE.user, name), value: encodeUser(auth.users.get(name)!) };
  }
  for (const name of [...auth.roles.keys()].sort()) {
    yield { key: namedKey(AUTH_NAMESPACE.role, name), value: encodeRole(auth.roles.get(name)!) };
  }
}

function namedKey(namespace: number, name: string): Uint8Array {
  const key = new Uint8Array(1 + name.length);
  key[0] = namespace;
  key.set(stringToKey(name), 1);
  return key;
}

function encodeState({ revision, enabled, tokenKey }: AuthState): Uint8Array {
  const fields = new Fields();
  fields.number(0x08, revision);
  fields.number(0x10, enabled ? 1 : 0);
  fields.bytes(0x1a, tokenKey);
  return fields.finish();
}

function encodeUser({ epoch, password, roles, tokens }: AuthUser): Uint8Array {
  const fields = new Fields();
  fields.number(0x08, epoch);
  fields.bytes(0x12, password);
  for (const role of roles) fields.bytes(0x1a, stringToKey(role));
  for (const { id, hash } of tokens) {
    const token = new Fields();
    token.bytes(0x0a, stringToKey(id));
    token.bytes(0x12, hash);
    fields.present(0x22, token.finish());
  }
  return fields.finish();
}

function encodeRole({ permissions }: AuthRole): Uint8Array {
  const fields = new Fields();
  for (const permission of permissions) fields.present(0x0a, encodePermission(permission));
  return fields.finish();
}

function encodePermission({ from, to, right }: AuthPermission): Uint8Array {
  const fields = new Fields();
  fields.bytes(0x0a, stringToKey(from));
  if (to === aboveEveryByte) fields.present(0x12, new Uint8Array(0));
  else if (to !== from + lowestByte) fields.present(0x12, stringToKey(to));
  fields.number(0x18, authRights.indexOf(right));
  return fields.finish();
}

/** Fields with tags of one byte, in as much memory as they need. */
class Fields {
  readonly #writer = new Writer(new Uint8Array(64));

  number(tag: number, value: number): void {
    this.#writer.ensure(numberBytesMax);
    this.#writer.uint64Field(tag, value, "a number of the users");
  }

  /** Left out when it is empty. */
  bytes(tag: number, value: Uint8Array): void {
    if (value.length > 0) this.present(tag, value);
  }

  present(tag: number, value: Uint8Array): void {
    this.#writer.ensure(numberBytesMax + value.length);
    this.#writer.byte(tag);
    this.#writer.varint(value.length);
    this.#writer.raw(value);
  }

  finish(): Uint8Array {
    return this.#writer.finish().slice();
  }
}

/** Of a tag and a varint. */
const numberBytesMax = 11;
