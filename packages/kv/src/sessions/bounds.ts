/** Results of one session that its client has not acknowledged (rule R17). */
export const SESSION_OUTCOMES_MAX = 1_024;

/** Bytes of them at which a session has to acknowledge before it goes on; the last may exceed it. */
export const SESSION_BYTES_MAX = 4 * 2 ** 20;

/** The same for all sessions together. */
export const SESSIONS_BYTES_MAX = 256 * 2 ** 20;
