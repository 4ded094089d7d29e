import type { AuthState } from "./auth/auth-state.js";
import type { HistoryEvents } from "./history/history.js";
import type { LeaseView } from "./leases/lease-table.js";
import type { RecordSource } from "./ordered-index.js";
import type { SessionView } from "./sessions/session-table.js";

/** Everything that is replicated, between two commands. */
export interface StoreState {
  readonly revision: number;
  readonly records: RecordSource;
  readonly history: HistoryEvents;
  readonly leases: LeaseView;
  readonly sessions: SessionView;
  readonly auth: AuthState;
}
