export type { HistoryOperation, Instant } from "./checkers/history.js";
export { parseHistory } from "./checkers/history-file.js";
export type {
  HistoryCounts,
  HistoryVerdict,
  LinearizabilityOptions,
} from "./checkers/linearizability.js";
export { checkHistory } from "./checkers/linearizability.js";
export { Prng } from "./prng.js";
