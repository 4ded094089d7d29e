import { millis, rate, table } from "../report.js";
import { median } from "../statistics.js";
import type { CatchUpResult, SnapshotResult } from "./bench-snapshot.js";

export function printSnapshot({ freeze, restart, catchUp }: SnapshotResult): void {
  const { keys, callers, bytes, samples, rateRatio, cpuRatio, blockMs, quietBlockMs } = freeze;
  console.log(`\nsnapshot of ${keys} keys, ${mib(bytes)}, while ${callers} callers put`);
  const header = ["stretch", "seconds", "puts/s", "CPU µs/put", "longest block ms"];
  const rows = samples.flatMap(({ before, during, after }) =>
    Object.entries({ before, during, after }).map(([name, window]) => [
      ...[name, (window.ms / 1000).toFixed(2), rate(window.perSecond)],
      ...[window.cpuMicrosPerPut.toFixed(1), millis(window.blockMs)],
    ]),
  );
  console.log(table(header, rows));
  console.log(
    `puts during it: ${rateRatio.toFixed(2)} of the rate around it (target 0.8), ` +
      `${cpuRatio.toFixed(2)} of the CPU a put; longest block ${millis(blockMs)} ms ` +
      `(target below 50), without a snapshot ${millis(quietBlockMs)} ms`,
  );
  console.log(
    `\nstart from that snapshot: serves after ${(median(restart.serveMs) / 1000).toFixed(2)} s ` +
      `(slowest ${(Math.max(...restart.serveMs) / 1000).toFixed(2)} s, target below 5)`,
  );
  printCatchUp(catchUp);
}

function printCatchUp(result: CatchUpResult): void {
  const { bytes, transferMs, installMs, diskMs, tcpMs, grpcMs } = result;
  console.log(`\na learner catches up by a snapshot of ${mib(bytes)}`);
  const row = (name: string, ms: number) => [
    ...[name, (ms / 1000).toFixed(2), (bytes / 2 ** 20 / (ms / 1000)).toFixed(0)],
    (diskMs / ms).toFixed(2),
  ];
  const rows = [
    row("synced write of one file", diskMs),
    row("TCP on loopback", tcpMs),
    row("gRPC on loopback", grpcMs),
    row("InstallSnapshot, all bytes there", transferMs),
    row("InstallSnapshot, installed", installMs),
  ];
  console.log(table(["what", "seconds", "MiB/s", "of the disk"], rows));
  const { leaderRssBefore, leaderRssMax, roleChanges, blockMs } = result;
  console.log(
    `memory of the leader: ${mib(leaderRssBefore)} before, at most ${mib(leaderRssMax)} meanwhile; ` +
      `changes of role: ${roleChanges}; longest block of the learner ${millis(blockMs)} ms`,
  );
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
