/** What is measured on one node, how long and how often. */
export interface SingleNodeOptions {
  /** An empty folder on the disk that is to be measured. */
  readonly folder: string;
  readonly callers: readonly number[];
  readonly repetitions: number;
  /** Of one repetition of one subject. */
  readonly durationMs: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly progress: (line: string) => void;
}
