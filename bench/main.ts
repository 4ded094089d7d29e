import { parseArgs } from "node:util";
import { keyBytes, type LoadResult, prepareKeys, runCallers } from "./callers.js";
import { benchCluster, type ClusterResult, parseOperations } from "./cluster/cluster.js";
import type { Operation } from "./cluster/operations.js";
import { printCluster } from "./cluster/print-cluster.js";
import { benchLeases, type LeasesResult } from "./coordination/bench-leases.js";
import { benchLocks, type LocksResult } from "./coordination/bench-locks.js";
import { benchWatch, type WatchResult } from "./coordination/bench-watch.js";
import { printLeases, printLocks, printWatch } from "./coordination/print-coordination.js";
import { benchHistory, type HistoryResult } from "./history/bench-history.js";
import { printHistory } from "./history/print-history.js";
import { RawLimit } from "./raw-limit.js";
import { RawLog } from "./raw-log.js";
import { machine, millis, percent, rate, table } from "./report.js";
import { benchRestart, type RestartResult } from "./restart.js";
import { benchSingleNode, type SingleNodeResult } from "./single-node.js";
import { benchCatchUp, type CatchUpResult } from "./snapshot/bench-catch-up.js";
import { benchSnapshot, type SnapshotResult } from "./snapshot/bench-snapshot.js";
import { printCatchUp, printSnapshot } from "./snapshot/print-snapshot.js";
import { Latencies } from "./statistics.js";
import { createWorkspace } from "./workspace.js";

const help = `Measures on this machine, in this run; figures of different runs do not compare.

Usage: npm run bench -- [SUITE]… [options]      (default: single-node restart)

  single-node          durable embedded puts beside the raw limit, and reads
  restart              time from start to serving, with many keys in the log
  cluster              durable puts and reads on three nodes, embedded and through the client
  snapshot             what a snapshot costs the puts beside it, and a start from it
  catch-up             a learner that needs a snapshot, beside disk and loopback
  history              what remembering the past costs a put, with few keys and with many
  watch                what watchers cost a put, and how long an event takes to all of them
  leases               many keys that end at the same moment, while puts go on
  locks                a lock that nobody else wants, beside two puts
  raw                  the raw limit alone

  --callers 1,10,…     operations under way at a time
                       (default 1,10,100,1000; cluster: 1,100,1000; the first counts
                       for snapshot, history, watch and leases: 100)
  --repetitions N      of each measurement (default 5)
  --seconds S          of one repetition (default 1)
  --keys N             distinct keys of single-node (default 100000)
  --cluster-keys N     distinct keys of cluster (default 10000)
  --operations A,…     of cluster (default put,linearizable,lease,eventual)
  --compare etcd       cluster beside three nodes of etcd, which must be installed
  --profile DIR        cluster writes a CPU profile of each process of ours there
  --restart-keys N     keys of restart and snapshot (default 1000000)
  --catch-up-mib N     what the learner of catch-up has to get (default 1024)
  --history-keys N,…   keys of history (default 1000,10000,100000,1000000)
  --watchers N         of watch, and beside leases (default 10000)
  --leases N           that are kept alive beside those that end (default 10000)
  --expiries N         keys that end at the same moment (default 100000)
  --value-bytes N      (default 256)
  --dir PATH           on the disk to be measured (default ./.bench); removed at the end
  --json               the result as JSON on stdout
  --help`;

const SUITES = [
  "single-node",
  "restart",
  "cluster",
  "snapshot",
  "catch-up",
  "history",
  "watch",
  "leases",
  "locks",
  "raw",
] as const;
type Suite = (typeof SUITES)[number];

interface Settings {
  readonly suites: readonly Suite[];
  /** `undefined` leaves it to the suite. */
  readonly callers: readonly number[] | undefined;
  readonly operations: readonly Operation[];
  readonly compareEtcd: boolean;
  readonly profileDir: string | undefined;
  readonly repetitions: number;
  readonly durationMs: number;
  readonly keys: number;
  readonly clusterKeys: number;
  readonly restartKeys: number;
  readonly catchUpBytes: number;
  readonly historyKeys: readonly number[];
  readonly watchers: number;
  readonly leases: number;
  readonly expiries: number;
  readonly valueBytes: number;
  readonly dir: string;
  readonly json: boolean;
}

interface Results {
  singleNode?: SingleNodeResult;
  restart?: RestartResult;
  cluster?: ClusterResult;
  snapshot?: SnapshotResult;
  catchUp?: CatchUpResult;
  history?: HistoryResult;
  watch?: WatchResult;
  leases?: LeasesResult;
  locks?: LocksResult;
  raw?: readonly (LoadResult & { readonly callers: number })[];
}

function parse(): Settings | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      callers: { type: "string" },
      operations: { type: "string", default: "put,linearizable,lease,eventual" },
      compare: { type: "string" },
      profile: { type: "string" },
      "cluster-keys": { type: "string", default: "10000" },
      repetitions: { type: "string", default: "5" },
      seconds: { type: "string", default: "1" },
      keys: { type: "string", default: "100000" },
      "restart-keys": { type: "string", default: "1000000" },
      "catch-up-mib": { type: "string", default: "1024" },
      "history-keys": { type: "string", default: "1000,10000,100000,1000000" },
      watchers: { type: "string", default: "10000" },
      leases: { type: "string", default: "10000" },
      expiries: { type: "string", default: "100000" },
      "value-bytes": { type: "string", default: "256" },
      dir: { type: "string", default: ".bench" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const suites = positionals.map((name) => {
    const known = SUITES.find((suite) => suite === name);
    if (known === undefined) throw new RangeError(`no such suite: ${name}`);
    return known;
  });
  if (values.compare !== undefined && values.compare !== "etcd") {
    throw new RangeError(`--compare knows etcd only, got "${values.compare}"`);
  }
  return {
    suites: suites.length > 0 ? suites : ["single-node", "restart"],
    callers: values.callers?.split(",").map((text) => positive("callers", text)),
    operations: parseOperations(values.operations),
    compareEtcd: values.compare === "etcd",
    profileDir: values.profile,
    repetitions: positive("repetitions", values.repetitions),
    durationMs: 1000 * positive("seconds", values.seconds),
    keys: positive("keys", values.keys),
    clusterKeys: positive("cluster-keys", values["cluster-keys"]),
    restartKeys: positive("restart-keys", values["restart-keys"]),
    catchUpBytes: 2 ** 20 * positive("catch-up-mib", values["catch-up-mib"]),
    historyKeys: values["history-keys"].split(",").map((text) => positive("history-keys", text)),
    watchers: positive("watchers", values.watchers),
    leases: positive("leases", values.leases),
    expiries: positive("expiries", values.expiries),
    valueBytes: positive("value-bytes", values["value-bytes"]),
    dir: values.dir,
    json: values.json,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`--${name} must be a positive number, got "${text}"`);
}

const callersOf: Readonly<Record<Suite, readonly number[]>> = {
  "single-node": [1, 10, 100, 1000],
  restart: [],
  cluster: [1, 100, 1000],
  snapshot: [100],
  "catch-up": [],
  history: [100],
  watch: [100],
  leases: [100],
  locks: [],
  raw: [1, 10, 100, 1000],
};

const progress = (line: string) => console.error(line);

async function run(settings: Settings): Promise<Results> {
  const results: Results = {};
  for (const suite of settings.suites) {
    using workspace = createWorkspace(settings.dir);
    progress(`${suite}: in ${workspace.path}`);
    const callers = settings.callers ?? callersOf[suite];
    const common = { ...settings, callers, folder: workspace.path, progress };
    const single = { ...common, callers: callers[0] ?? 100 };
    switch (suite) {
      case "raw":
        results.raw = await runRaw(workspace.path, settings, callers);
        break;
      case "single-node":
        results.singleNode = await benchSingleNode(common);
        break;
      case "restart":
        results.restart = await benchRestart({ ...common, keys: settings.restartKeys });
        break;
      case "cluster":
        results.cluster = await benchCluster({ ...common, keys: settings.clusterKeys });
        break;
      case "snapshot":
        results.snapshot = await benchSnapshot({ ...single, keys: settings.restartKeys });
        break;
      case "catch-up":
        results.catchUp = await benchCatchUp(common);
        break;
      case "history":
        results.history = await benchHistory({ ...single, keyCounts: settings.historyKeys });
        break;
      case "watch":
        results.watch = await benchWatch(single);
        break;
      case "leases":
        results.leases = await benchLeases(single);
        break;
      case "locks":
        results.locks = await benchLocks(common);
        break;
    }
  }
  return results;
}

async function runRaw(folder: string, settings: Settings, callersOfRaw: readonly number[]) {
  const log = await RawLog.create(folder);
  const limit = new RawLimit(log, { keyBytes, valueBytes: settings.valueBytes });
  const keys = prepareKeys(settings.keys);
  const latencies = new Latencies(10_000_000);
  const put = (key: Uint8Array, value: Uint8Array) => limit.put(key, value);
  const results: (LoadResult & { readonly callers: number })[] = [];
  // The first repetition warms up and is not reported.
  for (let repetition = 0; repetition <= settings.repetitions; repetition++) {
    for (const callers of callersOfRaw) {
      const result = await runCallers(put, keys, latencies, { ...settings, callers });
      if (repetition > 0) results.push({ callers, ...result });
    }
  }
  await log.close();
  return results;
}

function print(results: Results): void {
  const { raw, singleNode, restart, cluster, snapshot, catchUp } = results;
  const { history, watch, leases, locks } = results;
  if (history !== undefined) printHistory(history);
  if (watch !== undefined) printWatch(watch);
  if (leases !== undefined) printLeases(leases);
  if (locks !== undefined) printLocks(locks);
  if (snapshot !== undefined) printSnapshot(snapshot);
  if (catchUp !== undefined) printCatchUp(catchUp);
  if (cluster !== undefined) printCluster(cluster);
  if (raw !== undefined) {
    const rows = raw.map(({ callers, perSecond, p50Ms, p99Ms, cpuMicrosPerPut }) => [
      ...[callers, rate(perSecond), millis(p50Ms), millis(p99Ms)],
      cpuMicrosPerPut.toFixed(1),
    ]);
    console.log(
      `\nraw limit\n${table(["callers", "puts/s", "p50 ms", "p99 ms", "CPU µs/put"], rows)}`,
    );
  }
  if (singleNode !== undefined) printSingleNode(singleNode);
  if (restart !== undefined) {
    const { keys, logBytes, serveMs, serveMsMax } = restart;
    const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
    console.log(
      `\nstart with ${keys} keys in a log of ${Math.round(logBytes / 2 ** 20)} MiB: ` +
        `serves after ${seconds(serveMs)} (slowest ${seconds(serveMsMax)})`,
    );
  }
}

function printSingleNode({ puts, reads }: SingleNodeResult): void {
  const header = [
    "callers",
    "subject",
    "puts/s",
    "±",
    "p50 ms",
    "p99 ms",
    "CPU µs/put",
    "engine is",
    "from-to",
  ];
  const rows = puts.flatMap(({ callers, subjects }) =>
    subjects.map(({ name, perSecond, spread, p50Ms, p99Ms, cpuMicrosPerPut, ratio }) => [
      ...[callers, name, rate(perSecond), percent(spread), millis(p50Ms), millis(p99Ms)],
      cpuMicrosPerPut.toFixed(1),
      ...(ratio === undefined
        ? ["", ""]
        : [ratio.median.toFixed(2), `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}`]),
    ]),
  );
  console.log(
    `\ndurable puts, one embedded node, beside the raw limit (medians; ± slowest to fastest)`,
  );
  console.log(table(header, rows));
  const readRows = reads.map(({ name, callers, perSecond, spread, p50Ms, p99Ms }) => [
    name,
    callers === 0 ? "sync" : callers,
    rate(perSecond),
    percent(spread),
    p50Ms === undefined ? "" : (p50Ms * 1000).toFixed(1),
    p99Ms === undefined ? "" : (p99Ms * 1000).toFixed(1),
  ]);
  console.log(`\nreads`);
  console.log(table(["read", "callers", "reads/s", "±", "p50 µs", "p99 µs"], readRows));
}

/** Bad arguments end the process with one line; a bug elsewhere keeps its stack. */
function parseOrExit(): Settings | undefined {
  try {
    return parse();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}; see --help`);
    process.exit(2);
  }
}

const settings = parseOrExit();
if (settings === undefined) {
  console.log(help);
} else {
  const results = await run(settings);
  if (settings.json) console.log(JSON.stringify({ machine: machine(), settings, ...results }));
  else {
    const entries = Object.entries(machine()).map(([name, value]) => `${name} ${value}`);
    console.log(entries.join(", "));
    print(results);
  }
}
