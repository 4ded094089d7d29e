/** Levels of the log lines of a node, from few to many. */
export const LOG_LEVELS = ["error", "warn", "info"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];
