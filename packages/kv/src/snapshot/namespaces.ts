import { SNAPSHOT_NAMESPACE } from "@d-engine/core";

/**
 * The first bytes of the store's keys in a snapshot. A snapshot has them in this order, which is
 * that of the bytes: the state, a record for each key in byte order, the events of the history in their order,
 * leases and sessions (`LEASE_NAMESPACE`), users and roles (`AUTH_NAMESPACE`), the end.
 *
 * What later versions add gets a namespace of its own between these; older versions
 * refuse it instead of losing it.
 */
export const KV_NAMESPACE = Object.freeze({
  /** One record, of the key's first byte alone: `StoreState`. */
  state: SNAPSHOT_NAMESPACE.stateMachineFrom,
  /** Followed by the key of the user: `StoreRecord`. */
  record: SNAPSHOT_NAMESPACE.stateMachineFrom + 1,
  /** Followed by the revision and the place in it: `StoreEvent`. */
  event: SNAPSHOT_NAMESPACE.stateMachineFrom + 2,
  /** One record, of the key's first byte alone: `StoreEnd`. */
  end: 0x3f,
});
