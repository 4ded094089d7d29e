import type { FaultCounts } from "./faults/faults.js";

/** What a simulation that succeeded consisted of. */
export interface SimulationResult {
  readonly seed: number;
  /** Over everything that happened: equal for equal simulations, 16 hexadecimal digits. */
  readonly hash: string;
  readonly events: number;
  /** How much virtual time went by. */
  readonly virtualMs: number;
  /** How many faults of each class struck; a test that means to meet some should look. */
  readonly faults: FaultCounts;
  /** What became of the messages between nodes, and of the calls of clients. */
  readonly messages: {
    readonly sent: number;
    readonly lost: number;
    readonly cut: number;
    readonly duplicated: number;
  };
}
