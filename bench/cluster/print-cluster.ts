import { millis, percent, rate, table } from "../report.js";
import type { ClusterComparison, ClusterFigures, ClusterResult, Ratio } from "./cluster.js";

const header = [
  "subject",
  "callers",
  "per s",
  "±",
  "p50 ms",
  "p99 ms",
  "CPU µs",
  "to etcd3",
  "from-to",
  "to etcd",
  "from-to",
];

/** One table for each operation, then the ratios that matter most. */
export function printCluster({ comparisons, etcd, repeatedLoads }: ClusterResult): void {
  const beside =
    etcd === undefined
      ? ""
      : `, beside etcd ${etcd}: through the npm client etcd3, and through its own`;
  console.log(
    `\nthree nodes on loopback, every write synced${beside}` +
      "\n(medians; ± slowest to fastest; CPU of all nodes and the caller for one operation)",
  );
  for (const operation of new Set(comparisons.map((each) => each.operation))) {
    const rows = comparisons
      .filter((each) => each.operation === operation)
      .flatMap(({ callers, subjects }) => subjects.map((figures) => row(callers, figures)));
    console.log(`\n${operation}\n${table(header, rows)}`);
  }
  if (repeatedLoads > 0) console.log(`\n${repeatedLoads} loads failed and were repeated`);
  for (const line of headlines(comparisons)) console.log(line);
}

function row(callers: number, figures: ClusterFigures) {
  const { subject, perSecond, spread, p50Ms, p99Ms, cpuMicrosPerOperation } = figures;
  return [
    ...[subject, callers, rate(perSecond), percent(spread), millis(p50Ms), millis(p99Ms)],
    cpuMicrosPerOperation === undefined ? "" : cpuMicrosPerOperation.toFixed(1),
    ...ratioCells(figures.toEtcd3),
    ...ratioCells(figures.toEtcd),
  ];
}

function ratioCells(ratio: Ratio | undefined): string[] {
  if (ratio === undefined) return ["", ""];
  const { median, min, max } = ratio;
  return [median.toFixed(2), `${min.toFixed(2)}-${max.toFixed(2)}`];
}

const goals = [
  { subject: "embedded, leader", to: "toEtcd", what: "etcd through its own client", goal: 3 },
  { subject: "embedded, leader", to: "toEtcd3", what: "etcd through etcd3", goal: 3 },
  { subject: "client", to: "toEtcd3", what: "etcd through etcd3", goal: 5 },
] as const;

function headlines(comparisons: readonly ClusterComparison[]): string[] {
  const puts = comparisons.find((each) => each.operation === "put" && each.callers === 1000);
  return goals.flatMap(({ subject, to, what, goal }) => {
    const ratio = puts?.subjects.find((each) => each.subject === subject)?.[to];
    if (ratio === undefined) return [];
    const verdict = ratio.median >= goal ? "reached" : "missed";
    const times = ratio.median.toFixed(1);
    return [`puts, 1000 callers, ${subject}: ${times} x ${what} (goal ${goal}: ${verdict})`];
  });
}
