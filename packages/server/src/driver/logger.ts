/** Facts that belong to a line, by name. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where a node writes lines for people. `console` fits. Calls must not throw and must not block:
 * they are made on the path of every role change and of every failure.
 */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** The default of an embedded engine: says nothing. */
export const silentLogger: Logger = Object.freeze({
  info: ignore,
  warn: ignore,
  error: ignore,
});

function ignore(): void {
  // A silent logger is silent.
}
