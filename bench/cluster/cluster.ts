import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { median, spread } from "../statistics.js";
import { cpuMicros } from "./cpu-time.js";
import { DEngineSystem } from "./d-engine-system.js";
import { EtcdSystem, etcdVersion } from "./etcd-system.js";
import { type LoadFigures, OPERATIONS, type Operation } from "./operations.js";
import type { Subject, SubjectName, System, SystemOptions } from "./system.js";

export interface ClusterOptions {
  /** An empty folder on the disk that is to be measured. */
  readonly folder: string;
  readonly callers: readonly number[];
  readonly operations: readonly Operation[];
  readonly repetitions: number;
  /** Of one repetition of one subject. */
  readonly durationMs: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly compareEtcd: boolean;
  readonly profileDir: string | undefined;
  readonly progress: (line: string) => void;
}

/** How many times faster, over the repetitions that ran side by side. */
export interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Medians over the repetitions of one subject. */
export interface ClusterFigures {
  readonly subject: SubjectName;
  readonly perSecond: number;
  /** From the slowest to the fastest repetition, as a fraction of the median. */
  readonly spread: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all nodes and of the process that puts the load on; absent where the system is silent. */
  readonly cpuMicrosPerOperation?: number;
  /** Of one of ours to etcd through the client `etcd3`. */
  readonly toEtcd3?: Ratio;
  /** Of one of ours to etcd through its own client. */
  readonly toEtcd?: Ratio;
}

export interface ClusterComparison {
  readonly operation: Operation;
  readonly callers: number;
  readonly subjects: readonly ClusterFigures[];
}

export interface ClusterResult {
  readonly etcd?: string;
  readonly comparisons: readonly ClusterComparison[];
  /** Loads that were thrown away and repeated, because they failed or the leader moved. */
  readonly repeatedLoads: number;
}

interface Measured extends LoadFigures {
  readonly cpuMicrosPerOperation: number | undefined;
}

const failuresMax = 10;

/**
 * Durable puts and the three reads on three nodes, embedded and through clients. The repetitions
 * of all subjects alternate, so that whatever else the machine does meets all of them alike.
 */
export async function benchCluster(options: ClusterOptions): Promise<ClusterResult> {
  const { progress } = options;
  const etcd = options.compareEtcd ? etcdVersion() : undefined;
  progress(etcd === undefined ? "starting three nodes" : `starting three nodes, and etcd ${etcd}`);
  await using ours = await DEngineSystem.start(systemOptions(options, "d-engine"));
  await using theirs =
    etcd === undefined
      ? undefined
      : await EtcdSystem.start(systemOptions(options, "etcd"), progress);
  const bench = new ClusterBench([ours, ...(theirs === undefined ? [] : [theirs])], options);
  progress("warming up");
  for (const callers of [...options.callers].sort((a, b) => b - a)) {
    for (const operation of options.operations) await bench.repetition(operation, callers);
  }
  const comparisons: ClusterComparison[] = [];
  for (const operation of options.operations) {
    for (const callers of options.callers) {
      progress(`${operation}, ${callers} at a time`);
      comparisons.push(await bench.compare(operation, callers));
    }
  }
  const { repeatedLoads } = bench;
  return { ...(etcd === undefined ? {} : { etcd }), comparisons, repeatedLoads };
}

function systemOptions(
  { folder, keys, valueBytes, profileDir }: ClusterOptions,
  name: string,
): SystemOptions {
  const own = join(folder, name);
  mkdirSync(own);
  return { folder: own, keys, valueBytes, profileDir };
}

class ClusterBench {
  readonly #systems: readonly System[];
  readonly #options: ClusterOptions;
  repeatedLoads = 0;

  constructor(systems: readonly System[], options: ClusterOptions) {
    this.#systems = systems;
    this.#options = options;
  }

  async compare(operation: Operation, callers: number): Promise<ClusterComparison> {
    const results = new Map<SubjectName, Measured[]>();
    for (let at = 0; at < this.#options.repetitions; at++) {
      for (const [subject, measured] of await this.repetition(operation, callers, at % 2 === 1)) {
        results.set(subject, [...(results.get(subject) ?? []), measured]);
      }
    }
    const names = this.#systems.flatMap((system) => system.subjects.map(({ name }) => name));
    const subjects = names.flatMap((subject) => {
      const measured = results.get(subject);
      return measured === undefined ? [] : [summarize(subject, measured, results)];
    });
    return { operation, callers, subjects };
  }

  /** One load of every subject that has the operation, in the order of the systems or reversed. */
  async repetition(
    operation: Operation,
    callers: number,
    reversed = false,
  ): Promise<Map<SubjectName, Measured>> {
    const loads = this.#systems.flatMap((system) =>
      system.subjects
        .filter(({ operations }) => operations.includes(operation))
        .map((subject) => ({ system, subject })),
    );
    const measured = new Map<SubjectName, Measured>();
    for (const { system, subject } of reversed ? loads.reverse() : loads) {
      measured.set(subject.name, await this.#measure(system, subject, operation, callers));
    }
    return measured;
  }

  async #measure(
    system: System,
    subject: Subject,
    operation: Operation,
    callers: number,
  ): Promise<Measured> {
    for (;;) {
      const before = cpuMicros(system.pids);
      try {
        const figures = await subject.load(operation, callers, this.#options.durationMs);
        const after = cpuMicros(system.pids);
        const used = before === undefined || after === undefined ? undefined : after - before;
        return { ...figures, cpuMicrosPerOperation: used && used / figures.operations };
      } catch (error) {
        // On a busy machine the leader may move: such a load measured an election.
        this.repeatedLoads += 1;
        if (this.repeatedLoads > failuresMax) throw error;
        this.#options.progress(`once more: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
}

function summarize(
  subject: SubjectName,
  measured: readonly Measured[],
  all: ReadonlyMap<SubjectName, readonly Measured[]>,
): ClusterFigures {
  const rates = measured.map(({ perSecond }) => perSecond);
  const cpu = measured.flatMap(({ cpuMicrosPerOperation: each }) => each ?? []);
  const ours = !subject.startsWith("etcd");
  const toEtcd3 = ours ? ratioTo(rates, all.get("etcd, etcd3")) : undefined;
  const toEtcd = ours ? ratioTo(rates, all.get("etcd, own client")) : undefined;
  return {
    subject,
    perSecond: median(rates),
    spread: spread(rates),
    p50Ms: median(measured.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(measured.map(({ p99Ms }) => p99Ms)),
    ...(cpu.length === 0 ? {} : { cpuMicrosPerOperation: median(cpu) }),
    ...(toEtcd3 === undefined ? {} : { toEtcd3 }),
    ...(toEtcd === undefined ? {} : { toEtcd }),
  };
}

function ratioTo(
  rates: readonly number[],
  reference: readonly Measured[] | undefined,
): Ratio | undefined {
  if (reference === undefined) return undefined;
  const ratios = rates.map((perSecond, at) => perSecond / reference[at]!.perSecond);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

/** Every operation, unless told otherwise. */
export function parseOperations(text: string): readonly Operation[] {
  return text.split(",").map((name) => {
    const known = OPERATIONS.find((operation) => operation === name);
    if (known === undefined) throw new RangeError(`no such operation: ${name}`);
    return known;
  });
}
