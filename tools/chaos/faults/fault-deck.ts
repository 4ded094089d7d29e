import type { Prng } from "@d-engine/simulator";
import type { Network } from "../network/network.js";
import {
  killAll,
  killLeader,
  killMinority,
  killOne,
  restartLeader,
  restartOne,
} from "./crashes.js";
import type { Fault } from "./fault.js";
import { resetConnections, slowLinks } from "./links.js";
import {
  cutOneLink,
  followerOneWay,
  isolateLeader,
  leaderOneWay,
  splitMinority,
} from "./partitions.js";
import { pauseFollowers, pauseLeader, pauseWave } from "./pauses.js";

/** Every class of fault by its name in reports. */
export const FAULTS = {
  "kill one": killOne,
  "kill leader": killLeader,
  "kill minority": killMinority,
  "kill all": killAll,
  "restart leader": restartLeader,
  "restart one": restartOne,
  "pause leader": pauseLeader,
  "pause wave": pauseWave,
  "pause followers": pauseFollowers,
  "isolate leader": isolateLeader,
  "split minority": splitMinority,
  "leader one way": leaderOneWay,
  "follower one way": followerOneWay,
  "cut one link": cutOneLink,
  "reset connections": resetConnections,
  "slow links": slowLinks,
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** The classes that this network can make. */
export function possibleFaults(network: Network): readonly FaultName[] {
  return FAULT_NAMES.filter((name) => name !== "slow links" || network.canDelay);
}

/** Faults in random order, each once before any comes again: no class is left out by chance. */
export class FaultDeck {
  readonly names: readonly FaultName[];
  readonly #random: Prng;
  #left: FaultName[] = [];
  /** How often every class has been drawn. */
  rounds = 0;

  constructor(names: readonly FaultName[], random: Prng) {
    this.names = names;
    this.#random = random;
  }

  draw(): FaultName {
    if (this.#left.length === 0) this.#left = this.#random.shuffle(this.names);
    const drawn = this.#left.pop()!;
    if (this.#left.length === 0) this.rounds += 1;
    return drawn;
  }
}
