/** Ten years: more is a mistake in the unit, and no sum with a time of the cluster overflows. */
export const LEASE_TTL_MS_MAX = 10 * 365 * 24 * 3_600_000;

/** Shorter, a session would end between two keep-alives of a busy client. */
export const SESSION_TTL_MS_MIN = 1_000;

/**
 * Keys of one lease. Looked at when a command is applied, so it is the same on all nodes; it lets
 * the keys of any lease end in one command (rule R15).
 */
export const LEASE_KEYS_MAX = 1_000;

/** What one `expire` ends at most (rule R15): it holds up the commands behind it no longer. */
export const EXPIRE_LEASES_MAX = 256;
export const EXPIRE_KEYS_MAX = 1_000;
