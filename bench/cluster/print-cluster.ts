import { millis, percent, rate, table } from "../report.js";
import type { ClusterComparison, ClusterFigures, ClusterResult } from "./cluster.js";

const header = [
  "subject",
  "callers",
  "per s",
  "±",
  "p50 ms",
  "p99 ms",
  "CPU µs",
  "to etcd",
  "from-to",
];

/** One table for each operation, then the ratios that matter most. */
export function printCluster({ comparisons, etcd, repeatedLoads }: ClusterResult): void {
  const beside = etcd === undefined ? "" : `, beside etcd ${etcd} through the npm client etcd3`;
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
  const { subject, perSecond, spread, p50Ms, p99Ms, cpuMicrosPerOperation, toEtcd } = figures;
  return [
    ...[subject, callers, rate(perSecond), percent(spread), millis(p50Ms), millis(p99Ms)],
    cpuMicrosPerOperation === undefined ? "" : cpuMicrosPerOperation.toFixed(1),
    ...(toEtcd === undefined
      ? ["", ""]
      : [toEtcd.median.toFixed(2), `${toEtcd.min.toFixed(2)}-${toEtcd.max.toFixed(2)}`]),
  ];
}

function headlines(comparisons: readonly ClusterComparison[]): string[] {
  const goals = [
    { subject: "embedded, leader", goal: 3 },
    { subject: "client", goal: 5 },
  ];
  return goals.flatMap(({ subject, goal }) =>
    comparisons
      .filter(({ operation, callers }) => operation === "put" && callers === 1000)
      .flatMap(({ subjects }) => subjects.find((each) => each.subject === subject)?.toEtcd ?? [])
      .map(({ median }) => {
        const verdict = median >= goal ? "reached" : "missed";
        return `puts, ${subject}, 1000 callers: ${median.toFixed(2)} x etcd (goal ${goal}: ${verdict})`;
      }),
  );
}
