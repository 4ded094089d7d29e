/**
 * The key-value state machine again, as slow and obvious as it can be: it remembers the operations
 * and works everything out from the first one on, whenever it is asked.
 */
export type Operation =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string }
  | {
      readonly kind: "cas";
      readonly key: string;
      readonly expected: string | undefined;
      readonly value: string;
    }
  | { readonly kind: "skip" };

export interface TwinRecord {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

export interface TwinState {
  readonly revision: number;
  /** In byte order of their keys. */
  readonly records: readonly TwinRecord[];
  /** What the last operation answered; `undefined` after a skip. */
  readonly outcome: { succeeded: boolean; revision: number; existed: boolean } | undefined;
}

export function twinState(operations: readonly Operation[]): TwinState {
  let state: TwinState = { revision: 0, records: [], outcome: undefined };
  for (const operation of operations) state = twinStep(state, operation);
  return state;
}

function twinStep(state: TwinState, operation: Operation): TwinState {
  if (operation.kind === "skip") return { ...state, outcome: undefined };
  const { key } = operation;
  const old = state.records.find((record) => record.key === key);
  const existed = old !== undefined;
  const others = state.records.filter((record) => record.key !== key);
  const next = state.revision + 1;
  const unchanged = (succeeded: boolean): TwinState => ({
    ...state,
    outcome: { succeeded, revision: state.revision, existed },
  });
  const changed = (records: TwinRecord[]): TwinState => ({
    revision: next,
    records: records.sort((a, b) => compareBytes(a.key, b.key)),
    outcome: { succeeded: true, revision: next, existed },
  });

  if (operation.kind === "delete") return existed ? changed(others) : unchanged(true);
  if (operation.kind === "cas" && old?.value !== operation.expected) return unchanged(false);
  const written: TwinRecord = {
    key,
    value: operation.value,
    createRevision: old?.createRevision ?? next,
    modRevision: next,
    version: (old?.version ?? 0) + 1,
  };
  return changed([...others, written]);
}

/** Byte by byte, the shorter first. */
function compareBytes(a: string, b: string): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.charCodeAt(i) - b.charCodeAt(i);
  }
  return a.length - b.length;
}
