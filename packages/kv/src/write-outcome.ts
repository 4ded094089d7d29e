/** What applying one command answers to whoever proposed it. The same on every replica. */
export interface WriteOutcome {
  /** False only for a compare-and-swap that did not match. */
  readonly succeeded: boolean;
  /** The store revision after the command; the command made it if the command changed anything. */
  readonly revision: number;
  /** Whether the key existed before the command. */
  readonly existed: boolean;
}
