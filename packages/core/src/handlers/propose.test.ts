import { describe, expect, it } from "vitest";
import { arrangeLeader, DrivenNode } from "../../test/support/driven-node.js";
import {
  appendAnswer,
  appendEntries,
  bytesOf,
  effects,
  entry,
  id,
  matched,
} from "../../test/support/messages.js";

describe("onPropose", () => {
  it("appends, answers where, and sends on before the own disk has it (thesis §10.2.1)", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    const added = [entry([1, 2], "a"), entry([1, 3], "b")];
    const message = appendEntries({ term: 1, from: 1, prev: [1, 1], entries: added, commit: 1 });
    const step = leader.propose("a", "b");
    expect(step).toEqual(
      effects({
        batch: step.batch,
        append: added,
        send: [{ to: id(2), message }],
        replies: [{ kind: "proposed", requestId: step.replies[0]!.requestId, term: 1, first: 2 }],
      } as never),
    );
  });

  it("takes proposals before the noop commits", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3] });
    expect(leader.propose("a").replies).toMatchObject([{ kind: "proposed", first: 2 }]);
  });

  it("refuses at a node that does not lead, and names the leader", () => {
    const follower = new DrivenNode({ voters: [1, 2, 3], term: 1 });
    follower.receive(2, appendEntries({ term: 1, from: 2 }));
    expect(follower.propose("a")).toMatchObject({
      append: [],
      replies: [{ kind: "refused", refusal: { code: "NOT_LEADER", leaderId: 2 } }],
    });
  });

  it("refuses while more than uncommittedBytesMax is uncommitted, and takes in again after", () => {
    const leader = arrangeLeader({ voters: [1, 2, 3], options: { uncommittedBytesMax: 1024 } });
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 1]) }));
    leader.propose(new Uint8Array(1000));
    expect(leader.propose("a").replies).toMatchObject([{ refusal: { code: "RATE_LIMITED" } }]);
    leader.persist();
    leader.receive(2, appendAnswer({ term: 1, result: matched([1, 2]) }));
    expect(leader.propose("a").replies).toMatchObject([{ kind: "proposed", first: 3 }]);
  });

  it("refuses a proposal of nothing, which would write an empty batch", () => {
    const leader = arrangeLeader({ voters: [1] });
    expect(leader.propose()).toMatchObject({
      append: [],
      replies: [{ refusal: { code: "INVALID_REQUEST" } }],
    });
  });

  it("keeps the bytes by reference", () => {
    const leader = arrangeLeader({ voters: [1] });
    const command = bytesOf("mine");
    const payload = leader.propose(command).append[0]!.payload;
    expect(payload.kind === "command" && payload.command).toBe(command);
  });
});
