/** How a command ends; scripts may rely on these. */
export const EXIT = Object.freeze({
  ok: 0,
  /** Nothing happened, or not what was asked; stderr has one line that says why. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** The key or lease does not exist, or a compare-and-swap or transaction did not match. */
  negative: 3,
  /** A write was sent and its answer is missing: it may or may not take effect. */
  unknown: 4,
  /** A lock or lead was lost while the command ran that needs it; the command was stopped. */
  lost: 5,
});

/** One of the above, or that of a command that was run under a lock. */
export type ExitCode = number;
