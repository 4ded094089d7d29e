import { type Entry, entryBytes } from "../entry.js";
import type { LogIndex, RequestId } from "../ids.js";
import { replicateToAll } from "../replication.js";
import type { RaftState } from "../state.js";
import { acceptingLeader } from "./accepting-leader.js";

/**
 * Appends commands to the leader's log and sends them on at once; the own disk and the peers'
 * work at the same time. Refused as a whole or taken as a whole (rule R21).
 */
export function onPropose(
  node: RaftState,
  requestId: RequestId,
  commands: readonly Uint8Array[],
): void {
  const leader = acceptingLeader(node, requestId);
  if (leader === undefined) return;
  if (commands.length === 0) {
    node.refuse(requestId, "INVALID_REQUEST", "a proposal needs at least one command, got none");
    return;
  }
  const max = node.options.uncommittedBytesMax;
  if (leader.uncommittedBytes > max) {
    node.refuse(requestId, "RATE_LIMITED", `${max} bytes are uncommitted (uncommittedBytesMax)`);
    return;
  }
  const first = (node.log.lastIndex + 1) as LogIndex;
  const { term } = node;
  const entries = new Array<Entry>(commands.length);
  for (let at = 0; at < commands.length; at++) {
    const entry: Entry = {
      index: (first + at) as LogIndex,
      term,
      payload: { kind: "command", command: commands[at]! },
    };
    entries[at] = entry;
    leader.uncommittedBytes += entryBytes(entry);
  }
  node.append(entries);
  node.outbox.reply({ kind: "proposed", requestId, term, first });
  replicateToAll(node, leader);
}
