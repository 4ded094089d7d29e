import type { SnapshotRecord } from "@d-engine/core";
import { encodeOutcome, encodeSession } from "../sessions/session-codec.js";
import type { SessionView } from "../sessions/session-table.js";
import { encodeLease, encodeLeaseState } from "./lease-codec.js";
import type { LeaseView } from "./lease-table.js";
import { numberedKey } from "./numbered-key.js";

/**
 * The first bytes of the keys of leases and sessions in a snapshot, in this order: the state, a
 * record for each lease, each session followed by its outcomes.
 */
export const LEASE_NAMESPACE = Object.freeze({
  /** One record, of the key's first byte alone: `LeaseState`. */
  leaseState: 0x30,
  /** Followed by the id: `LeaseRecord`. */
  lease: 0x31,
  /** Followed by the id, `SessionRecord`; by the id and a sequence, `SessionOutcome`. */
  session: 0x32,
});

/**
 * Leases and sessions as the records of a snapshot, one at a time. A store that never had any
 * writes none, so that older versions read its snapshots.
 */
export function* leaseSnapshotRecords(
  leases: LeaseView,
  sessions: SessionView,
): Generator<SnapshotRecord, void> {
  const state = encodeLeaseState(leases.clock);
  if (state.length > 0) yield { key: numberedKey(LEASE_NAMESPACE.leaseState), value: state };
  for (const lease of leases.leases()) {
    yield { key: numberedKey(LEASE_NAMESPACE.lease, lease.id), value: encodeLease(lease) };
  }
  const { session: namespace } = LEASE_NAMESPACE;
  for (const session of sessions.sessions()) {
    yield { key: numberedKey(namespace, session.id), value: encodeSession(session) };
    for (const [sequence, outcome] of sessions.outcomes(session.id)) {
      yield { key: numberedKey(namespace, session.id, sequence), value: encodeOutcome(outcome) };
    }
  }
}
