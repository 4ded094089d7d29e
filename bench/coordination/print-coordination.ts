import { millis, rate, table } from "../report.js";
import type { LoadWindow } from "../snapshot/put-load.js";
import { median } from "../statistics.js";
import type { LeasesResult } from "./bench-leases.js";
import type { LocksResult } from "./bench-locks.js";
import type { WatchResult } from "./bench-watch.js";
import type { FanOut } from "./node-requests.js";

export function printWatch(result: WatchResult): void {
  const { watchers, callers, unwatched, costs, bytesPerWatcher, fanOut } = result;
  console.log(`\ndurable puts, ${callers} callers, with ${watchers} watchers of distinct keys`);
  const names = { put: "of the keys that are put", others: "of other keys" };
  const rows = costs.map(({ keys, perSecond, cpuMicrosPerPut, rateRatio, cpuRatio }) => [
    ...[names[keys], rate(perSecond), rateRatio.toFixed(2)],
    ...[cpuMicrosPerPut.toFixed(1), cpuRatio.toFixed(2)],
  ]);
  const none = ["none", rate(unwatched.perSecond), "", unwatched.cpuMicrosPerPut.toFixed(1), ""];
  console.log(table(["watchers", "puts/s", "ratio", "CPU µs/put", "ratio"], [none, ...rows]));
  console.log(
    `target for other keys: CPU at most 1.10; a watcher takes ${bytesPerWatcher.toFixed(0)} bytes`,
  );
  const round = (name: string, { rounds, promisesMs }: FanOut) => {
    const reached = rounds.map(({ reachedMs }) => reachedMs);
    const put = median(rounds.map(({ putMs }) => putMs));
    const figures = [put, median(reached), Math.max(...reached), promisesMs];
    return [name, ...figures.map(millis)];
  };
  console.log(`\none key with ${watchers} watchers: milliseconds from the call of a put`);
  const header = ["readers", "put done", "all have it", "slowest", "bare promises"];
  const fans = [round("in the process", fanOut.embedded), round("remote", fanOut.remote)];
  console.log(table(header, fans));
  console.log("target: all have it within 100 ms");
}

export function printLocks({ costs }: LocksResult): void {
  console.log(`\na lock that nobody else wants, taken and given up, beside two puts (medians)`);
  const rows = costs.map(({ remote, rounds, lockMs, putsMs, ratio }) => [
    ...[remote ? "remote" : "in the process", rounds, millis(lockMs), millis(putsMs)],
    ...[ratio.median.toFixed(2), `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}`],
  ]);
  const header = ["client", "rounds", "lock ms", "two puts ms", "ratio", "from-to"];
  console.log(table(header, rows));
  console.log("target: two round trips, which is 1.00 and what a transaction takes beside a put");
}

export function printLeases(result: LeasesResult): void {
  const { expiries, watchers, leases, callers, alone, beside } = result;
  console.log(`\n${expiries} keys that end at the same moment, ${callers} callers put others`);
  const row = (name: string, window: LoadWindow) => [
    ...[name, (window.ms / 1000).toFixed(2), rate(window.perSecond)],
    ...[millis(window.blockMs), window.blockCpuMs === undefined ? "?" : millis(window.blockCpuMs)],
  ];
  const rows = [
    row("before", alone.quiet),
    row("while they end", alone.during),
    row("beside others: before", beside.quiet),
    row("beside others: while they end", beside.during),
  ];
  console.log(table(["stretch", "seconds", "puts/s", "block ms", "of it CPU"], rows));
  for (const [name, { spanMs, lateMs, during, quiet }] of Object.entries({ alone, beside })) {
    console.log(
      `${name}: all gone within ${millis(spanMs)} ms, the last ${millis(lateMs)} ms late (target ` +
        `1000); puts meanwhile ${(during.perSecond / quiet.perSecond).toFixed(2)} of the rate before`,
    );
  }
  console.log(`others: ${watchers} watchers, ${leases} leases that are kept alive`);
}
