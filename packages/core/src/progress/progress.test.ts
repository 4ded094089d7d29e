import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at } from "../../test/support/messages.js";
import { RAFT_DEFAULTS } from "../options.js";
import { Progress } from "./progress.js";

const progressAt = (next: number, options = {}) =>
  new Progress(at(next), 50, { ...RAFT_DEFAULTS, ...options });

describe("Progress", () => {
  it("begins by probing, one request at a time", () => {
    const progress = progressAt(8);
    expect(progress).toMatchObject({ state: "probe", matchIndex: 0, heardMs: 50 });
    expect(progress.mayReplicate).toBe(true);
    progress.probeSent = true;
    expect(progress.mayReplicate).toBe(false);
  });

  it("replicates in a window once the logs agree", () => {
    const progress = progressAt(8, { inflightMessagesMax: 1 });
    progress.acknowledge(at(7));
    expect(progress).toMatchObject({ state: "replicate", matchIndex: 7, nextIndex: 8 });
    progress.inflight.add(at(9), 10);
    expect(progress.mayReplicate).toBe(false);
    progress.acknowledge(at(9));
    expect(progress).toMatchObject({ mayReplicate: true, nextIndex: 10 });
  });

  it("moves next with a match beyond it, and never back (scenario 17)", () => {
    const progress = progressAt(3);
    progress.acknowledge(at(9));
    progress.acknowledge(at(4));
    expect(progress).toMatchObject({ matchIndex: 9, nextIndex: 10 });
  });

  it("forgets what was in flight when it probes again, but not the match (scenario 22)", () => {
    const progress = progressAt(3);
    progress.acknowledge(at(5));
    progress.nextIndex = at(20);
    progress.inflight.add(at(19), 100);
    progress.becomeProbe(at(2));
    expect(progress).toMatchObject({ state: "probe", matchIndex: 5, nextIndex: 6 });
    expect(progress.inflight.count).toBe(0);
  });

  it("sends no entries while it waits for a snapshot or for the disk", () => {
    const progress = progressAt(3);
    progress.readingLog = true;
    expect(progress.mayReplicate).toBe(false);
    progress.readingLog = false;
    progress.becomeSnapshot();
    expect(progress).toMatchObject({ state: "snapshot", mayReplicate: false });
  });

  it("keeps match below next under any answers (I2)", () => {
    const change = fc.record({ acknowledge: fc.boolean(), index: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const progress = progressAt(10);
        let best = 0;
        for (const { acknowledge, index } of changes) {
          if (acknowledge) progress.acknowledge(at(index));
          else progress.becomeProbe(at(index));
          if (acknowledge) best = Math.max(best, index);
          expect(progress.matchIndex).toBe(best);
          expect(progress.nextIndex).toBeGreaterThan(best);
        }
      }),
    );
  });
});
