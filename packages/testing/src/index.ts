export type { FaultClass } from "./faults/fault-class.js";
export { FAULT_CLASSES } from "./faults/fault-class.js";
export type { FaultCounts, FaultNow } from "./faults/faults.js";
export type { SimulatedTest, SimulateOptions } from "./simulate.js";
export { simulate } from "./simulate.js";
export type { SimulationOptions } from "./simulate-options.js";
export { SIMULATION_DEFAULTS } from "./simulate-options.js";
export type { SeedRange, SeedsResult } from "./simulate-seeds.js";
export { forEachSeed, simulateSeeds } from "./simulate-seeds.js";
export { SimulatedClock } from "./simulated-clock.js";
export type {
  NodeTarget,
  SimulatedClientOptions,
  SimulatedNodeView,
} from "./simulated-cluster.js";
export { SimulatedCluster } from "./simulated-cluster.js";
export { SimulationError } from "./simulation-error.js";
export type { SimulationResult } from "./simulation-result.js";
export type { AnsweredCommand } from "./state-machine/command-load.js";
export type {
  StateMachineOptions,
  StateMachineResult,
  StateMachineRun,
} from "./state-machine/simulate-state-machine.js";
export { simulateStateMachine } from "./state-machine/simulate-state-machine.js";
