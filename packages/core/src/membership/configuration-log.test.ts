import { describe, expect, it } from "vitest";
import { configurationOf } from "../../test/support/driven-node.js";
import { at, change, changeEntry, entry, noop } from "../../test/support/messages.js";
import { ConfigurationLog } from "./configuration-log.js";

const base = configurationOf({ voters: [1, 2, 3] });

/** Entry 2 adds node 4, entry 4 makes it a voter, entry 5 removes node 1. */
function changed(): ConfigurationLog {
  const log = new ConfigurationLog(base);
  for (const appended of [
    noop([1, 1]),
    changeEntry([1, 2], change.add(4)),
    entry([1, 3]),
    changeEntry([1, 4], change.promote(4)),
    changeEntry([2, 5], change.remove(1)),
  ]) {
    log.append(appended);
  }
  return log;
}

const votersAt = (log: ConfigurationLog, index: number) =>
  log
    .at(at(index))
    .members.filter((member) => member.status === "active")
    .map((member) => member.id);

describe("ConfigurationLog", () => {
  it("takes a configuration in as it is appended (paper §6)", () => {
    const log = new ConfigurationLog(base);
    expect(log.append(noop([1, 1]))).toBe(false);
    expect(log.current).toBe(base);
    expect(log.append(changeEntry([1, 2], change.add(4)))).toBe(true);
    expect(log.current.logId).toEqual({ term: 1, index: 2 });
  });

  it("knows the one at each index, as a snapshot there must hold it (scenario 28)", () => {
    const log = changed();
    expect([0, 1, 3, 4, 5, 9].map((index) => votersAt(log, index))).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3, 4],
      [2, 3, 4],
      [2, 3, 4],
    ]);
  });

  it("rolls back with what is truncated (scenarios 20, 27)", () => {
    const log = changed();
    expect(log.truncateFrom(at(6))).toBe(false);
    expect(log.truncateFrom(at(4))).toBe(true);
    expect(log.current.logId.index).toBe(2);
    expect(log.truncateFrom(at(1))).toBe(true);
    expect(log.current).toBe(base);
  });

  it("rolls a joint configuration back, and its leave alone (scenario 27)", () => {
    const log = new ConfigurationLog(base);
    log.append(changeEntry([1, 1], change.remove(2, 3)));
    log.append(changeEntry([1, 2], change.leave));
    log.truncateFrom(at(2));
    expect(log.current.outgoingVoters).toEqual([1, 2, 3]);
    log.truncateFrom(at(1));
    expect(log.current).toBe(base);
  });

  it("forgets what a compaction leaves behind, but for the one in effect there", () => {
    const log = changed();
    log.compact(at(4));
    expect(log.at(at(1)).logId.index).toBe(4); // nothing older is known any more
    log.truncateFrom(at(5));
    expect(log.current.logId.index).toBe(4);
  });

  it("begins anew with an installed snapshot's", () => {
    const log = changed();
    log.reset(base);
    expect(log.current).toBe(base);
    expect(log.truncateFrom(at(1))).toBe(false);
  });
});
