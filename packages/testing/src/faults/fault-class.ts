import type { FaultKind } from "@d-engine/simulator";

/**
 * What may go wrong by itself in a simulation.
 * - `crash`: a node is killed, loses its power, or is restarted in order; it comes back later.
 * - `clusterCrash`: the same to all nodes at one moment.
 * - `pause`: a node stands still, as in a long garbage collection, and then goes on.
 * - `partition`: nodes cannot reach each other, in one direction or both.
 * - `messageLoss`: messages between nodes disappear; connections of clients break.
 * - `messageDuplication`: messages between nodes arrive twice.
 * - `messageDelay`: messages between nodes overtake others, or a link is slow.
 * - `clock`: the clocks of nodes drift or jump.
 * - `slowDisk`, `fullDisk`: a disk takes long, or has no room, for a while.
 * - `failingDisk`: a write or sync fails, which stops the node; it is started again.
 */
export type FaultClass =
  | "crash"
  | "clusterCrash"
  | "pause"
  | "partition"
  | "messageLoss"
  | "messageDuplication"
  | "messageDelay"
  | "clock"
  | "slowDisk"
  | "fullDisk"
  | "failingDisk";

/** How the simulator calls what belongs to a class. */
export const faultKinds: Readonly<Record<FaultClass, readonly FaultKind[]>> = {
  crash: ["crash", "restart"],
  clusterCrash: ["crashAll"],
  pause: ["pause"],
  partition: ["partition"],
  messageLoss: ["loss"],
  messageDuplication: ["duplicates"],
  messageDelay: ["strays", "slowLink"],
  clock: ["clockRate", "wallJump"],
  slowDisk: ["slowDisk"],
  fullDisk: ["diskFull"],
  failingDisk: ["diskFailure"],
};

/** Every class of fault. */
export const FAULT_CLASSES = Object.freeze(Object.keys(faultKinds)) as readonly FaultClass[];

const classes = new Map(
  FAULT_CLASSES.flatMap((name) => faultKinds[name].map((kind) => [kind, name] as const)),
);

export function faultClassOf(kind: FaultKind): FaultClass {
  return classes.get(kind)!;
}
