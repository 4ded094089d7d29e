import { millis, rate, table } from "../report.js";
import { median } from "../statistics.js";
import type { CatchUpResult } from "./bench-catch-up.js";
import type { SnapshotResult } from "./bench-snapshot.js";
import type { Stalls } from "./stall-meter.js";

export function printSnapshot({ freeze, restart }: SnapshotResult): void {
  const { keys, callers, bytes, samples, rateRatio, cpuRatio, during, around } = freeze;
  console.log(`\nsnapshot of ${keys} keys, ${mib(bytes)}, while ${callers} callers put`);
  const header = ["stretch", "seconds", "puts/s", "CPU µs/put", "block ms", "of it CPU"];
  const rows = samples.flatMap(({ before, during, after }) =>
    Object.entries({ before, during, after }).map(([name, window]) => [
      ...[name, (window.ms / 1000).toFixed(2), rate(window.perSecond)],
      ...[window.cpuMicrosPerPut.toFixed(1), ...blocks(window)],
    ]),
  );
  console.log(table(header, rows));
  console.log(
    `puts during it: ${rateRatio.toFixed(2)} of the rate around it (target 0.8), ` +
      `${cpuRatio.toFixed(2)} of the CPU a put; longest block ${told(during)} ` +
      `(target below 50), without a snapshot ${told(around)}`,
  );
  console.log(
    `\nstart from that snapshot: serves after ${(median(restart.serveMs) / 1000).toFixed(2)} s ` +
      `(slowest ${(Math.max(...restart.serveMs) / 1000).toFixed(2)} s, target below 5; ` +
      `CPU ${(median(restart.cpuMs) / 1000).toFixed(2)} s)`,
  );
}

export function printCatchUp(result: CatchUpResult): void {
  const { bytes, transferMs, servesMs, diskMs, tcpMs, grpcMs } = result;
  console.log(`\na learner catches up by a snapshot of ${mib(bytes)}`);
  const row = (name: string, ms: number) => [
    ...[name, (ms / 1000).toFixed(2), (bytes / 2 ** 20 / (ms / 1000)).toFixed(0)],
    (diskMs / ms).toFixed(2),
  ];
  const rows = [
    row("synced write of one file", diskMs),
    row("TCP on loopback", tcpMs),
    row("gRPC on loopback", grpcMs),
    row("the learner has it on its disk", transferMs),
    row("the learner serves reads", servesMs),
  ];
  console.log(table(["what", "seconds", "MiB/s", "of the disk"], rows));
  const { leaderRssBefore, leaderRssMax, roleChanges, leaderCpuMs, learnerCpuMs } = result;
  const cpu = [leaderCpuMs, learnerCpuMs].map((ms) => (ms === undefined ? "?" : seconds(ms)));
  console.log(`CPU: ${cpu[0]} s of the leader, ${cpu[1]} s of the learner`);
  console.log(
    `memory of the leader: ${mib(leaderRssBefore)} before, at most ${mib(leaderRssMax)} meanwhile; ` +
      `changes of role: ${roleChanges}; longest block of the learner ${told(result)}`,
  );
}

function blocks({ blockMs, blockCpuMs }: Stalls): readonly [string, string] {
  return [millis(blockMs), blockCpuMs === undefined ? "?" : millis(blockCpuMs)];
}

function told(stalls: Stalls): string {
  const [wall, cpu] = blocks(stalls);
  return `${wall} ms (${cpu} ms of CPU)`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
