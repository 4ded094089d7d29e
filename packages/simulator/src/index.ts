export type { HistoryOperation, Instant } from "./checkers/history.js";
export { parseHistory } from "./checkers/history-file.js";
export { EqualStates } from "./checkers/i12-equal-states.js";
export type {
  HistoryCounts,
  HistoryVerdict,
  LinearizabilityOptions,
} from "./checkers/linearizability.js";
export { checkHistory } from "./checkers/linearizability.js";
export { hashBytes } from "./checkers/mirror-log.js";
export type { AppliedEntry, Violation } from "./checkers/witness.js";
export type { SimulatedTransportSetup } from "./client/simulated-transport.js";
export { SimulatedTransport } from "./client/simulated-transport.js";
export { Cluster } from "./cluster/cluster.js";
export { ObservedStore } from "./cluster/observed-store.js";
export type { CreateMachine, ObservedMachine } from "./cluster/simulated-node.js";
export { SimulatedNode } from "./cluster/simulated-node.js";
export { Prng } from "./prng.js";
export type { FaultScope } from "./swarm/draw-plan.js";
export { drawFault } from "./swarm/draw-plan.js";
export { FaultInjector } from "./swarm/inject-faults.js";
export type { ClusterPlan, Fault, FaultKind, PartitionShape } from "./swarm/plan.js";
export type { World } from "./world/world.js";
export { WorldClock } from "./world/world-clock.js";
