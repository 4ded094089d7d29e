export type { StateMachineSubject } from "./describe-state-machine.js";
export { describeStateMachine } from "./describe-state-machine.js";
