import type { CompactCommand } from "@d-engine/codec";
import { compacted, futureRevision } from "../history/revision-refusals.js";
import type { KvStore } from "../kv-store.js";
import { refused } from "../leases/lease-store.js";
import type { WriteOutcome } from "../write-outcome.js";

/**
 * Gives up what was overwritten or deleted before a revision, on every replica at this place of
 * the log (rule R16); takes no revision.
 */
export function applyCompact(store: KvStore, { revision }: CompactCommand): WriteOutcome {
  const { history } = store;
  if (revision > store.revision) return refused(store, futureRevision(revision, store.revision));
  if (revision <= history.oldestRevision) {
    return refused(store, compacted(revision, history.oldestRevision));
  }
  history.compact(revision);
  return { succeeded: true, revision: store.revision, existed: false };
}
