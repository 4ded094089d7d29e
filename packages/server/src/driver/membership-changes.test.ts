import {
  EngineError,
  type Entry,
  type InputEvent,
  LOG_ORIGIN,
  type LogIndex,
  type MembershipConfiguration,
  NOOP,
  type NodeId,
  type RequestId,
  type Term,
} from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { MembershipChanges } from "./membership-changes.js";
import { follow, told } from "./testing/outcome.js";

const simple: MembershipConfiguration = {
  logId: LOG_ORIGIN,
  members: [],
  outgoingVoters: undefined,
};
const joint: MembershipConfiguration = { ...simple, outgoingVoters: [1 as NodeId] };
const entry = (index: number, term: number): Entry => ({
  index: index as LogIndex,
  term: term as Term,
  payload: NOOP,
});
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** One change that the core took in at entry 5 of term 2. */
function proposed(changes = new MembershipChanges(), signal?: AbortSignal) {
  const posted: InputEvent[] = [];
  const requestId = 1 as RequestId;
  const change = { kind: "removeNode", nodeId: 3 as NodeId } as const;
  const version = 4 as LogIndex;
  const call = follow(
    changes.start({ requestId, change, version, deadlineMs: 100, signal }, (e) => posted.push(e)),
  );
  expect(posted).toEqual([{ kind: "changeMembership", requestId, change, version }]);
  expect(changes.proposed(requestId, 2 as Term, 5 as LogIndex)).toBe(true);
  return { changes, call };
}

describe("MembershipChanges", () => {
  it("resolve with the configuration when the entry is applied", async () => {
    const { changes, call } = proposed();
    changes.applied(entry(4, 2), simple);
    await settled();
    expect(told(call())).toBe("pending");
    changes.applied(entry(5, 2), simple);
    await settled();
    expect(call()).toEqual({ kind: "resolved", value: simple });
    expect(changes.gauge.count).toBe(0);
  });

  it("of several voters resolve when the joint configuration is left (scenario 26)", async () => {
    const { changes, call } = proposed();
    changes.applied(entry(5, 2), joint);
    changes.applied(entry(6, 2), joint);
    await settled();
    expect(told(call())).toBe("pending");
    // Another leader may be the one that leaves it.
    changes.applied(entry(7, 3), simple);
    await settled();
    expect(call()).toEqual({ kind: "resolved", value: simple });
  });

  it("have no effect once a later leader committed another entry in their place", async () => {
    const { changes, call } = proposed();
    changes.applied(entry(4, 3), simple);
    await settled();
    expect(told(call())).toBe("PROPOSE_FAILED rejected");
  });

  it("have no effect either when what stands in their place is of an older term (figure 8)", async () => {
    const { changes, call } = proposed();
    changes.applied(entry(4, 1), simple);
    await settled();
    expect(told(call())).toBe("pending");
    changes.applied(entry(5, 1), simple);
    await settled();
    expect(told(call())).toBe("PROPOSE_FAILED rejected");
  });

  it("survive the loss of leadership when the next leader commits them", async () => {
    const { changes, call } = proposed();
    changes.applied(entry(4, 2), simple);
    changes.applied(entry(5, 2), simple);
    changes.applied(entry(6, 3), simple);
    await settled();
    expect(told(call())).toBe("resolved");
  });

  it("are of unknown outcome when their time is over, the log was replaced, or the node ends", async () => {
    const late = proposed();
    late.changes.expire(99);
    late.changes.expire(100);
    const replaced = proposed();
    replaced.changes.skipped(4 as LogIndex);
    await settled();
    expect(told(replaced.call())).toBe("pending");
    replaced.changes.skipped(5 as LogIndex);
    const ended = proposed();
    const error = (code: "CLOSED" | "OUTCOME_UNKNOWN") => new EngineError(code, "over");
    ended.changes.failAll(error("CLOSED"), error("OUTCOME_UNKNOWN"));
    await settled();
    const unknown = "OUTCOME_UNKNOWN unknown";
    expect([late, replaced, ended].map(({ call }) => told(call()))).toEqual([
      unknown,
      unknown,
      unknown,
    ]);
  });

  it("refused by the core end with its reason; other ids are not theirs", async () => {
    const changes = new MembershipChanges();
    const requestId = 9 as RequestId;
    const change = { kind: "removeNode", nodeId: 3 as NodeId } as const;
    const request = { requestId, change, version: undefined, deadlineMs: 1, signal: undefined };
    const call = follow(changes.start(request, () => undefined));
    expect(changes.refused(8 as RequestId, new Error())).toBe(false);
    expect(changes.refused(requestId, new EngineError("CHANGE_IN_PROGRESS", "entry 3"))).toBe(true);
    await settled();
    expect(told(call())).toBe("CHANGE_IN_PROGRESS rejected");
    expect(changes.proposed(requestId, 1 as Term, 1 as LogIndex)).toBe(false);
  });

  it("that are aborted are forgotten", async () => {
    const controller = new AbortController();
    const { changes, call } = proposed(new MembershipChanges(), controller.signal);
    controller.abort("enough");
    await settled();
    expect(call()).toEqual({ kind: "threw", reason: "enough" });
    expect(changes.gauge.count).toBe(0);
    changes.applied(entry(5, 2), simple);
  });
});
