/** An input that once did harm, and what it did. Each is tried again with every run. */
export interface Regression {
  readonly target: string;
  readonly hex: string;
  readonly was: string;
}

export const REGRESSIONS: readonly Regression[] = [
  {
    target: "peers/read-index",
    hex: "0880011001187f20ffffffffffffffffff01",
    was: "a sequence of 2^64 - 1 was taken, could not be given back, and ended the node",
  },
  {
    target: "peers/read-index-response",
    hex: "10ffffffffffffffffff0118ff0120ffffffffffffff0f",
    was: "a nonce of 2^64 - 1 was taken for another number",
  },
  {
    target: "peers/raft",
    hex: "00001708051002180520042a08080610051a021a003006a00606100218052004",
    was: "leaving a joint state that is none stops the node, as rule R12 says: no finding",
  },
];

export function regressionsOf(target: string): readonly Uint8Array[] {
  return REGRESSIONS.filter((one) => one.target === target).map(({ hex }) =>
    Buffer.from(hex, "hex"),
  );
}
