export { quorumVote, voterSetsOf } from "../quorum/voter-sets.js";
export { checkInvariants } from "./check-invariants.js";
export { checkSent } from "./check-sent.js";
export { ClusterChecker } from "./cluster-checker.js";
export type { RecoveredState } from "./durable-model.js";
export { DurableModel } from "./durable-model.js";
export { quorumsMeet } from "./quorums-meet.js";
