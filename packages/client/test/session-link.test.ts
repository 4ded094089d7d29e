import { decodeSessionRequest, encodePut, encodeSessionResponse, Slab } from "@d-engine/codec";
import { beforeEach, describe, expect, it } from "vitest";
import { type RunningKvNode, startLeader } from "../../server/src/driver/testing/start-kv-node.js";
import type { GrpcLimits } from "../../server/src/grpc/index.js";
import type { TransportAnswer, TransportRequest } from "../src/index.js";
import { SessionLink } from "../src/session/session-link.js";
import { SessionWire } from "./session-wire.js";

type Carried = Exclude<TransportRequest, { readonly kind: "metadata" }>;

const slab = new Slab();
const bytes = (text: string): Uint8Array => Buffer.from(text);

let running: RunningKvNode;
let wire: SessionWire;
let link: SessionLink;
let silences: number;
let answers: string[];

beforeEach(async () => {
  running = await startLeader();
  answers = [];
  silences = 0;
  begin();
});

describe("calls of one turn", () => {
  it("leave as one message", async () => {
    call("a", put("a"));
    await settle();
    for (let at = 0; at < 20; at += 1) call(`${at}`, put(`${at}`));
    await settle();
    expect(wire.streams).toHaveLength(1);
    expect(operationsOf(wire.newest.sent[1])).toHaveLength(20);
    expect(wire.newest.sent).toHaveLength(2);
    expect(answers).toHaveLength(21);
    expect(answers.every((answer) => answer.endsWith(" answered"))).toBe(true);
  });

  it("that are more than the window wait, in order, and leave as answers come", async () => {
    begin({ sessionOperationsMax: 4 });
    running.storage.automatic = false;
    for (let at = 0; at < 10; at += 1) call(`${at}`, put(`${at}`));
    await settle();
    expect(running.node.driver.metrics().pendingProposals).toBe(4);
    for (let round = 0; round < 3; round += 1) {
      running.storage.sync();
      await settle();
    }
    expect(answers).toEqual(Array.from({ length: 10 }, (_, at) => `${at} answered`));
    expect(running.store.revision).toBe(10);
  });

  it("that are more bytes than the window or a message allows are spread", async () => {
    begin({ sessionBytesMax: 5_000, requestBytesMax: 3_000 });
    for (let at = 0; at < 10; at += 1) call(`${at}`, put(`${at}`, "v".repeat(1_000)));
    await settle();
    expect(answers).toHaveLength(10);
    expect(wire.newest.sent.every((message) => message.length <= 3_000)).toBe(true);
  });

  it("that are more bytes than the window wait", async () => {
    begin({ sessionBytesMax: 5_000 });
    running.storage.automatic = false;
    for (let at = 0; at < 10; at += 1) call(`${at}`, put(`${at}`, "v".repeat(1_000)));
    await settle();
    expect(running.node.driver.metrics().pendingProposals).toBe(4);
    running.storage.automatic = true;
    running.storage.sync();
    await settle();
    await settle();
    expect(answers).toHaveLength(10);
  });

  it("go elsewhere when one is larger than a message may be", async () => {
    begin({ requestBytesMax: 3_000 });
    call("large", put("k", "v".repeat(3_000)));
    call("small", put("k", "v"));
    await settle();
    expect(answers).toEqual(["large elsewhere", "small answered"]);
  });
});

describe("who gives up", () => {
  it("by deadline after sending learns that the outcome is open; the answer comes to nobody", async () => {
    begin({ sessionOperationsMax: 1 });
    running.storage.automatic = false;
    call("sent", put("a"), { timeoutMs: 50 });
    call("queued", put("b"), { timeoutMs: 50 });
    call("patient", put("c"), { timeoutMs: 5_000 });
    await running.clock.advance(60);
    expect(answers).toEqual(["queued unreachable", "sent deadline"]);
    running.storage.automatic = true;
    running.storage.sync();
    await settle();
    // What was queued was never sent, so it never happens.
    expect(answers.at(-1)).toBe("patient answered");
    expect(keys()).toEqual(["a", "c"]);
  });

  it("by signal is told at once, and the node is told too", async () => {
    running.storage.automatic = false;
    const abort = new AbortController();
    call("sent", put("a"), { signal: abort.signal });
    await settle();
    expect(running.node.driver.metrics().pendingProposals).toBe(1);
    call("queued", put("b"), { signal: abort.signal });
    abort.abort();
    await settle();
    expect(answers).toEqual(["sent aborted", "queued unreachable"]);
    expect(running.node.driver.metrics().pendingProposals).toBe(0);
    expect(link.isIdle).toBe(true);
  });

  it("in a loop leaves nothing behind", async () => {
    begin({ sessionOperationsMax: 1 });
    running.storage.automatic = false;
    call("first", put("k"));
    await settle();
    for (let at = 0; at < 1_000; at += 1) {
      const abort = new AbortController();
      call("x", put("k"), { signal: abort.signal });
      abort.abort();
    }
    call("last", put("z"));
    running.storage.automatic = true;
    running.storage.sync();
    await settle();
    expect(answers.filter((answer) => answer === "x unreachable")).toHaveLength(1_000);
    expect(answers.at(-1)).toBe("last answered");
    expect(running.store.revision).toBe(2);
  });
});

describe("a stream that breaks", () => {
  it("loses what was sent and nothing else; the next call opens another", async () => {
    begin({ sessionOperationsMax: 2 });
    running.storage.automatic = false;
    for (const name of ["a", "b", "c"]) call(name, put(name));
    await settle();
    wire.newest.break("cut");
    await settle();
    expect(answers).toEqual(["a lost", "b lost", "c unreachable"].sort(byOutcome));
    running.storage.automatic = true;
    running.storage.sync();
    call("d", put("d"));
    await settle();
    expect(answers.at(-1)).toBe("d answered");
    expect(wire.streams).toHaveLength(2);
  });

  it("again and again is opened after growing pauses, and not before", async () => {
    wire.refusal = { kind: "over", message: "UNAVAILABLE" };
    const openedAt: number[] = [];
    for (let ms = 0; ms < 3_000; ms += 5) {
      const before = wire.streams.length;
      call("x", put("k"));
      await settle();
      if (wire.streams.length > before) openedAt.push(ms);
      await running.clock.advance(5);
    }
    expect(new Set(answers)).toEqual(new Set(["x unreachable"]));
    const pauses = openedAt.slice(1).map((ms, at) => ms - (openedAt[at] as number));
    expect(pauses.length).toBeGreaterThan(6);
    expect(pauses.length).toBeLessThan(16);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(505);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(250);
    wire.refusal = undefined;
    await running.clock.advance(500);
    call("y", put("k"));
    await settle();
    expect(answers.at(-1)).toBe("y answered");
  });

  it.each([
    { name: "what is no message", message: Uint8Array.of(0xff, 0xff) },
    {
      name: "an answer that nobody awaits",
      message: encodeSessionResponse({
        results: [{ kind: "write", id: 99, succeeded: true, revision: 1, existed: false }],
      }),
    },
  ])("is broken by us when the node sends $name", async ({ message }) => {
    running.storage.automatic = false;
    call("a", put("a"));
    await settle();
    wire.newest.receive(message);
    await settle();
    expect(answers).toEqual(["a lost"]);
    expect(wire.newest.state).toBe("canceled");
  });

  it("answers a write with what is no answer to it: invalid, and nothing can be concluded", async () => {
    running.storage.automatic = false;
    call("a", put("a"));
    await settle();
    wire.newest.receive(
      encodeSessionResponse({ results: [{ kind: "read", id: 1, more: false, values: [] }] }),
    );
    await settle();
    expect(answers).toEqual(["a refused INVALID_RESPONSE"]);
  });
});

it("a read that is answered for fewer keys than it has is not answered", async () => {
  wire.deaf = true;
  call("a", { kind: "read", keys: [bytes("a"), bytes("b")], consistency: undefined });
  await settle();
  const one = { kind: "read", id: 1, values: [undefined] } as const;
  wire.newest.receive(encodeSessionResponse({ results: [{ ...one, more: false }] }));
  call("b", { kind: "read", keys: [bytes("a"), bytes("b")], consistency: undefined });
  await settle();
  const parts = [
    { ...one, id: 2, more: true },
    { ...one, id: 2, more: false },
  ];
  wire.newest.receive(encodeSessionResponse({ results: parts }));
  await settle();
  expect(answers).toEqual(["a refused INVALID_RESPONSE", "b answered"]);
});

describe("silence", () => {
  it("of a node that owes an answer is questioned, then ends what was sent as lost", async () => {
    running.storage.automatic = false;
    call("a", put("a"), { timeoutMs: 60_000 });
    await settle();
    wire.mute = true;
    await running.clock.advance(3_100);
    expect(answers).toEqual(["a lost"]);
    expect(silences).toBe(1);
    expect(wire.newest.state).toBe("canceled");
    const pings = wire.newest.sent.map((message) => decodeSessionRequest(message, slab).ping);
    expect(pings.filter((ping) => ping !== undefined)).toEqual([1, 2]);
  });

  it("is no silence while the node answers pings", async () => {
    running.storage.automatic = false;
    call("a", put("a"), { timeoutMs: 60_000 });
    await running.clock.advance(20_000);
    expect(answers).toEqual([]);
    running.storage.automatic = true;
    running.storage.sync();
    await settle();
    expect(answers).toEqual(["a answered"]);
  });

  it("after a stall of this process is not counted: what came meanwhile is read first", async () => {
    running.storage.automatic = false;
    call("a", put("a"), { timeoutMs: 60_000 });
    await settle();
    running.clock.stall(10_000);
    await running.clock.advance(100);
    expect(answers).toEqual([]);
  });

  it("before the hello ends the attempt without effect", async () => {
    wire.mute = true;
    call("a", put("a"));
    await running.clock.advance(510);
    expect(answers).toEqual(["a unreachable"]);
    expect(silences).toBe(1);
    expect(running.store.revision).toBe(0);
  });
});

describe("a session that nobody needs", () => {
  it("is closed, and opened again by the next call", async () => {
    call("a", put("a"));
    await running.clock.advance(1_000);
    expect(wire.newest.state).toBe("open");
    await running.clock.advance(3_000);
    expect(wire.newest.state).toBe("over");
    call("b", put("b"));
    await settle();
    expect(answers).toEqual(["a answered", "b answered"]);
    expect(wire.streams).toHaveLength(2);
  });

  it("leaves no timer behind when it is over", async () => {
    const before = running.clock.pending;
    call("a", put("a"));
    await running.clock.advance(10_000);
    expect(wire.newest.state).toBe("over");
    expect(running.clock.pending).toBeLessThanOrEqual(before + 1);
  });
});

describe("a node that", () => {
  it("is about to stop answers what it has; what was not sent goes to another", async () => {
    begin({ sessionOperationsMax: 1 });
    running.storage.automatic = false;
    call("sent", put("a"));
    await settle();
    call("queued", put("b"));
    wire.newest.drain();
    await settle();
    // Long enough for pings, which the stream must still carry.
    await running.clock.advance(4_000);
    expect(answers).toEqual(["queued unreachable"]);
    running.storage.automatic = true;
    running.storage.sync();
    await settle();
    expect(answers).toEqual(["queued unreachable", "sent answered"]);
    expect(wire.newest.state).toBe("over");
  });

  it("does not know sessions is asked again after a minute, and called without until then", async () => {
    wire.refusal = { kind: "unknown", message: "UNIMPLEMENTED" };
    call("a", put("a"));
    await settle();
    call("b", put("b"));
    await running.clock.advance(59_000);
    call("c", put("c"));
    await settle();
    expect(answers).toEqual(["a elsewhere", "b elsewhere", "c elsewhere"]);
    expect(wire.streams).toHaveLength(1);
    wire.refusal = undefined;
    await running.clock.advance(1_100);
    call("d", put("d"));
    await settle();
    expect(answers.at(-1)).toBe("d answered");
  });

  it("wants no more sessions is called without for a while", async () => {
    wire.refusal = { kind: "refused", message: "RESOURCE_EXHAUSTED" };
    call("a", put("a"));
    await settle();
    call("b", put("b"));
    await settle();
    expect(answers).toEqual(["a elsewhere", "b elsewhere"]);
    wire.refusal = undefined;
    await running.clock.advance(1_000);
    call("c", put("c"));
    await settle();
    expect(answers.at(-1)).toBe("c answered");
  });
});

it("closing breaks what is open", async () => {
  running.storage.automatic = false;
  call("a", put("a"));
  await settle();
  link.close();
  await settle();
  expect(answers).toEqual(["a lost"]);
  expect(wire.newest.state).toBe("canceled");
});

function begin(limits: Partial<GrpcLimits> = {}): void {
  wire = new SessionWire(running.clock, running.node, limits);
  link = new SessionLink({
    address: "node",
    open: wire.open,
    clock: running.clock,
    random: { next: () => 0.5 },
    options: {
      helloTimeoutMs: 500,
      silenceTimeoutMs: 3_000,
      idleTimeoutMs: 2_000,
      answerBytesMax: 1_000_000,
    },
    onSilent: () => {
      silences += 1;
    },
  });
}

function put(key: string, value = "v"): Carried {
  return { kind: "write", command: encodePut(slab, bytes(key), bytes(value)) };
}

/** Makes a call; how it ends is noted in `answers`. */
function call(
  name: string,
  request: Carried,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): void {
  const elsewhere = async (): Promise<TransportAnswer> => {
    answers.push(`${name} elsewhere`);
    return { kind: "failed", failure: { kind: "aborted", message: "elsewhere" } };
  };
  void link.call(request, { timeoutMs: 5_000, ...options }, elsewhere).then((answer) => {
    if (answer.kind === "answered") answers.push(`${name} answered`);
    else if (answer.failure.message === "elsewhere") return;
    else if (answer.failure.kind !== "refused") answers.push(`${name} ${answer.failure.kind}`);
    else answers.push(`${name} refused ${answer.failure.code}`);
  });
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    await running.clock.turn();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function operationsOf(message: Uint8Array | undefined): readonly unknown[] {
  return decodeSessionRequest(message as Uint8Array, slab).operations;
}

function keys(): string[] {
  return running.store.scanPrefix(bytes("")).entries.map(({ key }) => Buffer.from(key).toString());
}

/** What was never sent is told before what was. */
function byOutcome(a: string, b: string): number {
  return Number(b.endsWith("unreachable")) - Number(a.endsWith("unreachable"));
}
