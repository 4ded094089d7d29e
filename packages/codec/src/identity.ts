import { bytesFieldSize, flagSize, writeBytesField, writeFlag } from "./fields.js";
import { keyToString, stringToKey } from "./key-string.js";
import type { Identity } from "./kv-command.js";
import { Reader } from "./reader.js";
import { uintFieldSize } from "./wire-type.js";
import type { Writer } from "./writer.js";

/** `d_engine.client.Identity`, field 103 of a `WriteCommand`. */

export function identitySize({ user, epoch, local }: Identity): number {
  return bytesFieldSize(stringToKey(user)) + uintFieldSize(epoch) + flagSize(local);
}

export function writeIdentity(writer: Writer, identity: Identity): void {
  writeBytesField(writer, 0x0a, stringToKey(identity.user));
  writer.uint64Field(0x10, identity.epoch, "Identity.epoch");
  writeFlag(writer, 0x18, identity.local);
}

/**
 * An identity by itself.
 *
 * @throws CodecError for malformed bytes
 */
export function decodeIdentity(bytes: Uint8Array): Identity {
  return readIdentity(new Reader(bytes), undefined);
}

/** A second occurrence is merged into the first. */
export function readIdentity(reader: Reader, first: Identity | undefined): Identity {
  let { user, epoch, local } = first ?? nobody;
  while (reader.hasMore()) {
    const tag = reader.tag("Identity");
    if (tag === 0x0a) user = keyToString(reader.byteField("Identity.user"));
    else if (tag === 0x10) epoch = reader.uint64("Identity.epoch");
    else if (tag === 0x18) local = reader.flag("Identity.local");
    else reader.skipUnknown("Identity", tag, tag >>> 3 <= 3);
  }
  return { user, epoch, local };
}

const nobody: Identity = { user: "", epoch: 0, local: false };
