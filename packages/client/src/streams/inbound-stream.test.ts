import type { Clock } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { InboundStream } from "./inbound-stream.js";

let rings: (() => void)[];
let source: string[];
let stream: InboundStream<number, string>;

const clock: Clock = {
  nowMs: () => 0,
  wallMs: () => 0,
  setTimer: (_delayMs, callback) => {
    rings.push(callback);
    const cancel = (): void => {
      rings = rings.filter((ring) => ring !== callback);
    };
    return { cancel };
  },
  defer: (callback) => callback(),
};

const open = (signal?: AbortSignal): InboundStream<number, string> => {
  const made = new InboundStream<number, string>({ address: "h:1", clock, timeoutMs: 100, signal });
  made.from({
    send: (input) => source.push(input),
    pause: () => source.push("pause"),
    resume: () => source.push("resume"),
    cancel: () => source.push("cancel"),
  });
  return made;
};

beforeEach(() => {
  rings = [];
  source = [];
  stream = open();
});

const received = (message: number) => ({ kind: "received", message });
const lost = { kind: "lost", message: "cut" } as const;

describe("InboundStream", () => {
  it("gives in order what arrived before it was asked for, and after", async () => {
    stream.received(1, 1);
    stream.received(2, 1);
    expect(await stream.next()).toEqual(received(1));
    expect(await stream.next()).toEqual(received(2));
    const waiting = stream.next();
    stream.received(3, 1);
    expect(await waiting).toEqual(received(3));
  });

  it("stops its source at the bound of messages, once, and reads on at half of it", async () => {
    for (let at = 0; at < 70; at += 1) stream.received(at, 1);
    expect(source).toEqual(["pause"]);
    for (let at = 0; at < 37; at += 1) await stream.next();
    expect(source).toEqual(["pause"]);
    await stream.next();
    expect(source).toEqual(["pause", "resume"]);
    for (let at = 38; at < 70; at += 1) expect(await stream.next()).toEqual(received(at));
  });

  it("stops its source at the bound of bytes", async () => {
    stream.received(1, 3 * 1024 * 1024);
    expect(source).toEqual([]);
    stream.received(2, 1024 * 1024);
    expect(source).toEqual(["pause"]);
    await stream.next();
    expect(source).toEqual(["pause", "resume"]);
  });

  it("ends behind what has arrived, and says the same again", async () => {
    stream.received(1, 1);
    stream.ended(lost);
    stream.ended({ kind: "lost", message: "later" });
    stream.received(2, 1);
    expect(await stream.next()).toEqual(received(1));
    for (const _ of [1, 2]) expect(await stream.next()).toEqual({ kind: "failed", failure: lost });
    expect(source).toEqual([]);
  });

  it("fails with deadline when nothing comes, and not after the first message", async () => {
    const other = open();
    other.received(1, 1);
    expect(rings).toHaveLength(1);
    const waiting = stream.next();
    rings[0]?.();
    expect(await waiting).toMatchObject({ kind: "failed", failure: { kind: "deadline" } });
    expect(source).toEqual(["cancel"]);
  });

  it("fails with aborted by its signal and by cancel, and drops what waits", async () => {
    const abort = new AbortController();
    const other = open(abort.signal);
    other.received(1, 1);
    abort.abort();
    stream.cancel();
    stream.cancel();
    for (const one of [stream, other]) {
      expect(await one.next()).toMatchObject({ kind: "failed", failure: { kind: "aborted" } });
    }
    expect(source).toEqual(["cancel", "cancel"]);
    expect(rings).toEqual([]);
  });

  it("sends what came before its source, in order, and nothing after the end", () => {
    const early = new InboundStream<number, string>({ address: "h:1", clock, timeoutMs: 100 });
    early.send("a");
    early.send("b");
    expect(source).toEqual([]);
    const nothing = (): void => undefined;
    const send = (input: string): void => void source.push(input);
    early.from({ send, pause: nothing, resume: nothing, cancel: nothing });
    early.send("c");
    early.cancel();
    early.send("d");
    expect(source).toEqual(["a", "b", "c"]);
  });

  it("is over at once with a signal that has aborted, whoever feeds it later", () => {
    let ends = 0;
    const other = open(AbortSignal.abort());
    other.whenEnded(() => {
      ends += 1;
    });
    expect([other.isOver, ends, source]).toEqual([true, 1, ["cancel"]]);
  });
});
