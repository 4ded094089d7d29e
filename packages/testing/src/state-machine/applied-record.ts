import { isDeepStrictEqual } from "node:util";

/** What one run of one node made of one entry. */
export interface AppliedState {
  readonly nodeId: number;
  /** Counts the starts of the node: after the first, entries come again from its log. */
  readonly start: number;
  readonly index: number;
  readonly fingerprint: string;
  /** What `apply` returned; not compared for entries without a command. */
  readonly result: unknown;
}

/**
 * The state after each entry, as the first node to get there had it. Whoever comes later, another
 * node or the same one after a restart, must have the same.
 */
export class AppliedRecord {
  readonly #first = new Map<number, AppliedState>();

  /** Says what differs, if anything does. */
  compare(state: AppliedState): string | undefined {
    const first = this.#first.get(state.index);
    if (first === undefined) {
      this.#first.set(state.index, state);
      return undefined;
    }
    if (first.fingerprint !== state.fingerprint) {
      return (
        `entry ${state.index} left different states: ${shown(first.fingerprint)} on ` +
        `${who(first)}, ${shown(state.fingerprint)} on ${who(state)}`
      );
    }
    if (!isDeepStrictEqual(first.result, state.result)) {
      return (
        `entry ${state.index} had different results: ${shown(String(first.result))} on ` +
        `${who(first)}, ${shown(String(state.result))} on ${who(state)}`
      );
    }
    return undefined;
  }
}

function who({ nodeId, start }: AppliedState): string {
  return start === 1 ? `node ${nodeId}` : `node ${nodeId} in its start ${start}`;
}

const shownMax = 200;

function shown(text: string): string {
  return text.length > shownMax ? `"${text.slice(0, shownMax)}…"` : `"${text}"`;
}
