import { rate, table } from "../report.js";
import type { HistoryResult } from "./bench-history.js";

export function printHistory({ callers, figures, memory }: HistoryResult): void {
  console.log(`\na put with history (medians; CPU of all threads)`);
  const header = [
    ...["keys", "apply ns", "without ns", "ratio"],
    ...[`durable puts/s, ${callers} callers`, "CPU µs/put", "to the first"],
  ];
  const rows = figures.map((figure) => [
    ...[figure.keys, figure.applyCpuNanos.toFixed(0), figure.referenceCpuNanos.toFixed(0)],
    ...[figure.applyRatio.toFixed(2), rate(figure.putsPerSecond)],
    ...[figure.cpuMicrosPerPut.toFixed(1), figure.putRatio.toFixed(2)],
  ]);
  console.log(table(header, rows));
  const last = figures.at(-1)!;
  console.log(
    `a durable put among ${last.keys} keys: ${last.putRatio.toFixed(2)} of the CPU of one among ` +
      `${figures[0]!.keys} (target at most 1.5)`,
  );
  const { events, heapBytes, arrayBytes } = memory;
  console.log(
    `memory of an event: ${(heapBytes + arrayBytes).toFixed(0)} bytes, ${heapBytes.toFixed(0)} of ` +
      `them in the heap (${events} events of values of equal size)`,
  );
}
