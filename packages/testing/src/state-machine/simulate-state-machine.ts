import { EngineError, type StateMachine } from "@d-engine/core";
import type { CreateMachine, Prng } from "@d-engine/simulator";
import { resolveSimulation, type SimulationOptions } from "../simulate-options.js";
import { Simulation } from "../simulation.js";
import type { SimulationResult } from "../simulation-result.js";
import { AppliedRecord } from "./applied-record.js";
import { type AnsweredCommand, CommandLoad } from "./command-load.js";
import { WatchedMachine } from "./watched-machine.js";

/** A state machine under test. */
export interface StateMachineOptions<Machine extends StateMachine<unknown>>
  extends SimulationOptions {
  /** Makes an empty one; called at each start of each node. */
  readonly create: () => Machine;
  /** Makes the next command; all chance from `random`. */
  readonly command: (random: Prng) => Uint8Array;
  /**
   * Tells states apart: equal texts for equal states, whatever way led there. Called after each
   * entry on each node, so keep it cheap.
   */
  readonly fingerprint: (machine: Machine) => string;
  /**
   * Looks at one node's machine at the end, when all have applied the same; throws when it is
   * wrong. Called for each node.
   */
  readonly verify?: (machine: Machine, run: StateMachineRun) => void;
  /**
   * Callers that propose commands side by side, 1 to 100.
   * @defaultValue 3
   */
  readonly callers?: number;
  /**
   * Virtual milliseconds of load under faults.
   * @defaultValue 20_000
   */
  readonly loadMs?: number;
}

/** What was proposed in a run. */
export interface StateMachineRun {
  /** In the order of their answers, which need not be that of the log. */
  readonly answered: readonly AnsweredCommand[];
  /** Each of these was applied once or never. */
  readonly unknown: readonly Uint8Array[];
}

/** What a run of a state machine that succeeded consisted of. */
export interface StateMachineResult extends SimulationResult {
  /** Commands that were answered. */
  readonly answered: number;
  /** Commands whose outcome stayed unknown. */
  readonly unknown: number;
}

/**
 * Runs a state machine on every node of a simulated cluster under faults, and checks what the
 * engine relies on: the same entries give the same state and the same results on every node and
 * again when a node replays its log; `validate` changes nothing; commands are not written to;
 * `lastApplied` follows. In the end everything heals, all nodes must come to the same state, and
 * once more after all have lost their power and replayed.
 *
 * @throws SimulationError when one of these does not hold, `verify` throws, or too few commands
 *   were answered to mean anything
 *
 * @example
 * await simulateStateMachine({
 *   seed: 1,
 *   faults: "all",
 *   create: () => new Counter(),
 *   command: (random) => new Uint8Array(random.between(1, 10)),
 *   fingerprint: (counter) => String(counter.total),
 * });
 */
export async function simulateStateMachine<Machine extends StateMachine<unknown>>(
  options: StateMachineOptions<Machine>,
): Promise<StateMachineResult> {
  const { create, command, fingerprint, verify, callers = 3, loadMs = 20_000, ...rest } = options;
  checkLoad(callers, loadMs);
  const record = new AppliedRecord();
  const starts = new Map<number, number>();
  const createMachine: CreateMachine = (nodeId, watch) => {
    const start = (starts.get(nodeId) ?? 0) + 1;
    starts.set(nodeId, start);
    const report = (problem: string): void =>
      simulation.cluster.witness.report("state machine", problem);
    const machine = create();
    return new WatchedMachine({
      machine,
      fingerprint,
      nodeId,
      start,
      record,
      onApplied: watch.applied,
      report,
    });
  };
  const simulation = new Simulation(resolveSimulation(rest), createMachine);
  const load = new CommandLoad(simulation, command);
  const result = await simulation.run(async () => {
    await loadUnderFaults(simulation, load, { callers, loadMs });
    await agree(simulation);
    for (const node of simulation.cluster.nodes) node.crash("power");
    simulation.faults.heal();
    await agree(simulation);
    for (const node of simulation.cluster.nodes) {
      verify?.((node.machine as WatchedMachine<Machine>).machine, load);
    }
  });
  return { ...result, answered: load.answered.length, unknown: load.unknown.length };
}

function checkLoad(callers: number, loadMs: number): void {
  const problems: string[] = [];
  if (!Number.isInteger(callers) || callers < 1 || callers > 100) {
    problems.push(`callers must be an integer from 1 to 100, got ${callers}`);
  }
  if (!(loadMs > 0)) problems.push(`loadMs must lie above 0, got ${loadMs}`);
  if (problems.length > 0) throw new EngineError("INVALID_REQUEST", problems.join("; "));
}

async function loadUnderFaults(
  simulation: Simulation,
  load: CommandLoad,
  { callers, loadMs }: { readonly callers: number; readonly loadMs: number },
): Promise<void> {
  const { world } = simulation.cluster;
  const running = Array.from({ length: callers }, (_, index) =>
    load.run(simulation.random.split(`caller ${index + 1}`)),
  );
  await world.sleep(loadMs);
  simulation.faults.heal();
  // Also without a single answer under faults, some come now.
  await world.sleep(calmElectionTimeouts * simulation.options.plan.raft.electionTimeoutMs);
  load.stop();
  await Promise.all(running);
  if (load.answered.length >= answeredMin) return;
  throw new Error(
    `${load.answered.length} commands were answered, fewer than ${answeredMin}: the run proves ` +
      "nothing; does validate refuse what command makes?",
  );
}

/** Waits until every node has applied everything that the leader has. */
async function agree({ cluster, options }: Simulation): Promise<void> {
  const { world, nodes } = cluster;
  const deadlineMs = world.nowMs + agreeElectionTimeouts * options.plan.raft.electionTimeoutMs;
  for (;;) {
    const status = cluster.leader?.driver?.status();
    const agreed = nodes.every(({ machine }) => machine?.lastApplied === status?.last.index);
    if (status?.leaderReady === true && agreed) return;
    if (world.nowMs > deadlineMs) throw new Error("the nodes did not come to the same state");
    await world.sleep(agreeStepMs);
  }
}

/** A run with fewer answers would pass whatever the state machine does. */
const answeredMin = 10;
/** How long load goes on after everything healed. */
const calmElectionTimeouts = 10;
/** How long all nodes may take to recover and catch up. */
const agreeElectionTimeouts = 60;
const agreeStepMs = 20;
