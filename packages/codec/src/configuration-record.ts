import {
  LOG_ORIGIN,
  type LogId,
  type Member,
  type MembershipConfiguration,
  type NodeId,
} from "@d-engine/core";
import { CodecError } from "./codec-error.js";
import { logIdFieldSize, readLogIdField, writeLogIdField } from "./log-id.js";
import { nodeStatusNumber, nodeStatusOf } from "./node-status.js";
import { Reader } from "./reader.js";
import { newerVersion, refuseUnknownField } from "./unknown-field.js";
import { bytesToUtf8, utf8Size, writeUtf8 } from "./utf8.js";
import { delimitedSize, LENGTH_DELIMITED, uintFieldSize, VARINT, varintSize } from "./wire-type.js";
import { checkNodeId, Writer } from "./writer.js";

/**
 * `d_engine.system.v1.Configuration`: the membership configuration in a snapshot. Both halves of a
 * joint one, the addresses and the entry that made it (rule R12).
 */

const name = "Configuration";
const memberName = "ConfigurationMember";
const logIdTag = 0x0a;
const memberTag = 0x12;
const outgoingTag = 0x1a;
const memberIdTag = 0x08;
const addressTag = 0x12;
const statusTag = 0x18;

/**
 * The value of the configuration's record.
 *
 * @throws CodecError for what no configuration can be: no members, members that are not in the
 *   order of their ids, a joint one without outgoing voters
 */
export function encodeConfigurationRecord(configuration: MembershipConfiguration): Uint8Array {
  checkConfiguration(configuration);
  const { logId, members, outgoingVoters = [] } = configuration;
  const sizes = members.map(memberSize);
  const outgoingBytes = outgoingVoters.reduce((sum, id) => sum + varintSize(id), 0);
  const outgoingSize = outgoingBytes === 0 ? 0 : delimitedSize(outgoingBytes);
  const membersSize = sizes.reduce((sum, size) => sum + delimitedSize(size), 0);
  const writer = new Writer(new Uint8Array(logIdFieldSize(logId) + membersSize + outgoingSize));
  writeLogIdField(writer, logIdTag, logId, `${name}.log_id`);
  members.forEach((member, i) => {
    writer.byte(memberTag);
    writer.varint(sizes[i]!);
    writeMember(writer, member);
  });
  if (outgoingBytes > 0) {
    writer.byte(outgoingTag);
    writer.varint(outgoingBytes);
    for (const id of outgoingVoters) writer.varint(id);
  }
  return writer.finish();
}

/**
 * @throws CodecError for bytes that are no configuration
 * @throws EngineError `VERSION_MISMATCH` for a field or a status of a newer version: it decides
 *   who votes, so that nothing of it may be left out
 */
export function decodeConfigurationRecord(bytes: Uint8Array): MembershipConfiguration {
  const reader = new Reader(bytes);
  let logId: LogId = LOG_ORIGIN;
  const members: Member[] = [];
  const outgoing: NodeId[] = [];
  while (reader.hasMore()) {
    const tag = reader.tag(name);
    if (tag === logIdTag) logId = readLogIdField(reader, logId, `${name}.log_id`);
    else if (tag === memberTag) members.push(readMember(reader));
    else if (tag >>> 3 === outgoingTag >>> 3) readOutgoing(reader, tag, outgoing);
    else refuseUnknownField(reader, name, tag, tag >>> 3 <= 3);
  }
  const outgoingVoters = outgoing.length === 0 ? undefined : outgoing;
  const configuration = { logId, members, outgoingVoters };
  checkConfiguration(configuration, reader.offset);
  return configuration;
}

function memberSize({ id, address, status }: Member): number {
  const addressBytes = utf8Size(address, `${memberName}.address`);
  const addressSize = addressBytes === 0 ? 0 : delimitedSize(addressBytes);
  return uintFieldSize(id) + addressSize + uintFieldSize(nodeStatusNumber(status));
}

function writeMember(writer: Writer, { id, address, status }: Member): void {
  writer.nodeIdField(memberIdTag, id, `${memberName}.node_id`);
  if (address !== "") {
    writer.byte(addressTag);
    writer.varint(utf8Size(address, `${memberName}.address`));
    writer.position = writeUtf8(writer.bytes, writer.position, address);
  }
  writer.byte(statusTag);
  writer.byte(nodeStatusNumber(status));
}

function readMember(reader: Reader): Member {
  const outer = reader.enter(`${name}.members`);
  let id = 0;
  let address = "";
  let statusNumber = 0;
  while (reader.hasMore()) {
    const tag = reader.tag(memberName);
    if (tag === memberIdTag) id = reader.uint32(`${memberName}.node_id`);
    else if (tag === addressTag) {
      address = bytesToUtf8(reader.byteField(`${memberName}.address`), `${memberName}.address`);
    } else if (tag === statusTag) statusNumber = reader.uint32(`${memberName}.status`);
    else refuseUnknownField(reader, memberName, tag, tag >>> 3 <= 3);
  }
  const status = nodeStatusOf(statusNumber);
  if (status === undefined) throw newerVersion(`member ${id} has status ${statusNumber}`);
  if (status === "unspecified") reader.fail(`${memberName}.status`, "missing");
  reader.leave(outer);
  return { id: id as NodeId, address, status };
}

/** Packed, as it is written, or one element at a time. */
function readOutgoing(reader: Reader, tag: number, into: NodeId[]): void {
  const field = `${name}.outgoing_voters`;
  if ((tag & 7) === VARINT) {
    into.push(reader.uint32(field) as NodeId);
    return;
  }
  if ((tag & 7) !== LENGTH_DELIMITED) reader.skipUnknown(name, tag, true);
  const outer = reader.enter(field);
  while (reader.hasMore()) into.push(reader.uint32(field) as NodeId);
  reader.leave(outer);
}

function checkConfiguration(configuration: MembershipConfiguration, offset?: number): void {
  const { members, outgoingVoters } = configuration;
  if (members.length === 0) throw new CodecError(`${name}.members`, "there are none", offset);
  checkIds(
    members.map(({ id }) => id),
    `${name}.members`,
    offset,
  );
  for (const { id, status } of members) {
    if (nodeStatusNumber(status) > 0) continue;
    throw new CodecError(`${memberName}.status`, `member ${id} has status ${status}`, offset);
  }
  if (outgoingVoters === undefined) return;
  const field = `${name}.outgoing_voters`;
  if (outgoingVoters.length === 0) throw new CodecError(field, "there are none", offset);
  checkIds(outgoingVoters, field, offset);
}

/** In ascending order, so that equal configurations have equal bytes, and each once. */
function checkIds(ids: readonly NodeId[], field: string, offset: number | undefined): void {
  let previous = 0;
  for (const id of ids) {
    if (offset === undefined) checkNodeId(id, field);
    if (id <= previous) throw new CodecError(field, `node ${id} after node ${previous}`, offset);
    previous = id;
  }
}
