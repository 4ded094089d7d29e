import { channelSecurity } from "@d-engine/client";
import {
  type AppendEntries,
  type Entry,
  type LogIndex,
  type Message,
  NOOP,
  nodeId,
  type Term,
} from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { PeerConnection } from "./peer-connection.js";
import { cluster, End, open, pair } from "./testing/transport-end.js";

describe("GrpcTransport", () => {
  it("carries appends with their entries in order, and answers back on the same stream", async () => {
    const [one, two] = await pair();
    for (let round = 1; round <= 50; round++)
      one.transport.send({ to: nodeId(2), message: append(round) });
    await two.until(() => two.received.length === 50);
    expect(two.received.map(({ message }) => message)).toEqual(
      Array.from({ length: 50 }, (_, at) => append(at + 1)),
    );
    two.transport.send({ to: nodeId(1), message: appendResponse(50) });
    await one.until(() => one.received.length === 1);
    expect(one.received).toEqual([{ from: 2, message: appendResponse(50) }]);
  });

  it("connects to all members as soon as one speaks, before it has anything to say", async () => {
    const [leader, one, two] = await cluster(3);
    const toOne = { to: nodeId(2), message: append(1) };
    leader!.transport.send(toOne);
    await one!.until(() => one!.received.length === 1);
    await two!.until(() => two!.contacts.some(({ nodeId: peer }) => peer === 2));
    expect(two!.transport.inbound.count).toBe(1);
    expect(two!.received).toEqual([]);
  });

  const lastLog = { term: 3 as Term, index: 9 as LogIndex };
  const id = { nonce: 2 ** 52 + 1, sequence: 7 };
  it.each<{ name: string; question: Message; answer: Message }>([
    {
      name: "a vote",
      question: { kind: "requestVote", term: 4 as Term, lastLog, leadershipTransfer: true },
      answer: { kind: "requestVoteResponse", term: 4 as Term, granted: true, lastLog },
    },
    {
      name: "a pre-vote",
      question: { kind: "preVote", term: 4 as Term, lastLog },
      answer: { kind: "preVoteResponse", term: 3 as Term, campaignTerm: 4 as Term, granted: true },
    },
    {
      name: "a read index",
      question: { kind: "readIndex", term: 4 as Term, id },
      answer: { kind: "readIndexResponse", term: 4 as Term, id, index: 12 as LogIndex },
    },
    {
      name: "a refused read index",
      question: { kind: "readIndex", term: 4 as Term, id },
      answer: { kind: "readIndexResponse", term: 4 as Term, id, index: undefined },
    },
  ])("asks for $name and brings the answer back", async ({ question, answer }) => {
    const [one, two] = await pair();
    one.transport.send({ to: nodeId(2), message: question });
    await two.until(() => two.received.length === 1);
    expect(two.received).toEqual([{ from: 1, message: question }]);
    two.transport.send({ to: nodeId(1), message: answer });
    await one.until(() => one.received.length === 1);
    expect(one.received).toEqual([{ from: 2, message: answer }]);
  });

  it("takes the answer to a unary call for a sign of life of the connection", async () => {
    const [one, two] = await pair();
    for (const term of [4, 5] as Term[]) {
      one.transport.send({ to: nodeId(2), message: { kind: "preVote", term, lastLog } });
      await two.until(() => two.received.length === term - 3);
      two.transport.send({
        to: nodeId(1),
        message: { kind: "preVoteResponse", term: 3 as Term, campaignTerm: term, granted: true },
      });
      await one.until(() => one.received.length === term - 3);
      one.nowMs += 5_000; // far more than the silence bound, but nothing is unanswered
    }
    expect(one.unreachable).toEqual([]);
  });

  it("delivers TimeoutNow", async () => {
    const [one, two] = await pair();
    one.transport.send({ to: nodeId(2), message: { kind: "timeoutNow", term: 6 as Term } });
    await two.until(() => two.received.length === 1);
    expect(two.received).toEqual([{ from: 1, message: { kind: "timeoutNow", term: 6 } }]);
  });

  it("scenario 36: a node of another cluster is refused, and nothing it says is believed", async () => {
    const [one, two] = await pair({ secondCluster: "d".repeat(32) });
    one.transport.send({ to: nodeId(2), message: append(1) });
    await one.until(() => one.unreachable.length > 0);
    expect(two.received).toEqual([]);
    expect(two.transport.metrics.peersRefused).toBe(1);
    expect(one.unreachable).toEqual([2]);
  });

  it("scenario 35: a node under an old id with a new data directory is refused", async () => {
    const [one, two] = await pair();
    two.instances.set(nodeId(1), "9".repeat(32));
    one.transport.send({ to: nodeId(2), message: append(1) });
    await one.until(() => one.unreachable.length > 0);
    expect(two.received).toEqual([]);
  });

  it.each<{ name: string; speak: (one: End) => void }>([
    {
      name: "asks for a pre-vote",
      speak: ({ transport }) =>
        transport.send({
          to: nodeId(2),
          message: { kind: "preVote", term: 4 as Term, lastLog },
        }),
    },
    { name: "shows itself", speak: ({ transport }) => transport.greetMembers() },
  ])("tells a removed node that $name by which entry it was removed", async ({ speak }) => {
    const [one, two] = await pair();
    two.removals.set("1".repeat(32), 7 as LogIndex);
    speak(one);
    await one.until(() => one.toldRemovals.length > 0);
    expect(one.toldRemovals[0]).toBe(7);
    expect(two.received).toEqual([]);
  });

  it("lets a node show itself again on a connection that has long been open", async () => {
    const [one, two] = await pair();
    one.transport.send({ to: nodeId(2), message: append(1) });
    await two.until(() => two.received.length === 1);
    two.removals.set("1".repeat(32), 7 as LogIndex);
    one.transport.greetMembers();
    await one.until(() => one.toldRemovals.length > 0);
  });

  it("takes TimeoutNow from a leader that was removed: it hands over (scenario 29)", async () => {
    const [one, two] = await pair();
    two.removals.set("1".repeat(32), 7 as LogIndex);
    one.transport.send({ to: nodeId(2), message: { kind: "timeoutNow", term: 6 as Term } });
    await two.until(() => two.received.length === 1);
  });

  it("refuses an answerer whose data directory was replaced, before it counts for anything", async () => {
    const [one] = await pair();
    one.instances.set(nodeId(2), "9".repeat(32));
    one.transport.send({ to: nodeId(2), message: append(1) });
    await one.until(() => one.unreachable.length > 0);
    expect(one.received).toEqual([]);
    expect(one.transport.metrics.peersRefused).toBeGreaterThan(0);
  });

  it("reports a peer that is not there, drops what is for it and keeps nothing", async () => {
    const one = new End(1);
    open.push(one);
    one.transport.setMembers([{ id: nodeId(2), address: "127.0.0.1:1" }]);
    one.transport.send({ to: nodeId(2), message: append(1) });
    await one.until(() => one.unreachable.length > 0);
    one.transport.send({ to: nodeId(2), message: append(2) });
    expect(one.transport.metrics.messagesDropped).toBe(1);
  });

  it("drops messages for nodes that are no members", () => {
    const one = new End(1);
    open.push(one);
    one.transport.send({ to: nodeId(9), message: append(1) });
    expect(one.transport.metrics.messagesDropped).toBe(1);
  });

  it("scenario 78: bytes that are no append request end the stream; the node lives", async () => {
    const [one, two] = await pair();
    const lost: string[] = [];
    let wake = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const connection = new PeerConnection({
      peer: nodeId(2),
      address: two.address,
      security: () => channelSecurity(undefined, ""),
      metadata: one.transport.ownMetadata(),
      refuse: () => undefined,
      onAppendResponse: () => undefined,
      onLost: (reason) => {
        lost.push(reason);
        wake();
      },
      onRefused: () => undefined,
      nowMs: () => performance.now(),
      random: Math.random,
      queueBytesMax: 1024,
      silenceMs: 1000,
      callTimeoutMs: 1000,
    });
    connection.append(new Uint8Array([0xff, 0xff, 0xff]));
    await ended;
    connection.close();
    expect(lost[0]).toContain("cannot be read");
    expect(two.transport.metrics.malformedMessages).toBe(1);
    one.transport.send({ to: nodeId(2), message: append(3) });
    await two.until(() => two.received.length === 1);
  });

  it("gives up a connection whose queue would outgrow its bound", () => {
    const lost: string[] = [];
    const connection = new PeerConnection({
      peer: nodeId(2),
      address: "127.0.0.1:1",
      security: () => channelSecurity(undefined, ""),
      metadata: new End(1).transport.ownMetadata(),
      refuse: () => undefined,
      onAppendResponse: () => undefined,
      onLost: (reason) => lost.push(reason),
      onRefused: () => undefined,
      nowMs: () => 0,
      random: Math.random,
      queueBytesMax: 1000,
      silenceMs: 1000,
      callTimeoutMs: 1000,
    });
    expect(connection.append(new Uint8Array(600))).toBe(true);
    expect(connection.append(new Uint8Array(600))).toBe(false);
    expect(lost).toEqual(["more than 1000 bytes are queued"]);
    expect(connection.queuedBytes).toBe(0);
    connection.close();
  });

  it("takes a peer that never answers for gone after the silence bound", () => {
    let now = 0;
    const lost: string[] = [];
    const connection = new PeerConnection({
      peer: nodeId(2),
      address: "127.0.0.1:1",
      security: () => channelSecurity(undefined, ""),
      metadata: new End(1).transport.ownMetadata(),
      refuse: () => undefined,
      onAppendResponse: () => undefined,
      onLost: (reason) => lost.push(reason),
      onRefused: () => undefined,
      nowMs: () => now,
      random: () => 0,
      queueBytesMax: 1000,
      silenceMs: 1000,
      callTimeoutMs: 1000,
    });
    expect(connection.append(new Uint8Array(1))).toBe(true);
    now = 1001;
    expect(connection.append(new Uint8Array(1))).toBe(false);
    expect(lost).toEqual(["silent for 1000 ms"]);
    now = 1010;
    expect(connection.append(new Uint8Array(1))).toBe(false); // within the pause
    now = 1030;
    expect(connection.append(new Uint8Array(1))).toBe(true);
    connection.close();
  });
});

function append(round: number): AppendEntries {
  const index = round as LogIndex;
  const entries: Entry[] = [
    { index, term: 3 as Term, payload: NOOP },
    {
      index: (round + 1) as LogIndex,
      term: 3 as Term,
      payload: { kind: "command", command: new Uint8Array([round, 2, 3]) },
    },
  ];
  const prev = { term: round === 1 ? (0 as Term) : (3 as Term), index: (round - 1) as LogIndex };
  return {
    kind: "appendEntries",
    term: 3 as Term,
    leaderId: nodeId(1),
    prev,
    entries,
    leaderCommit: prev.index,
    round,
  };
}

function appendResponse(round: number): Message {
  return {
    kind: "appendEntriesResponse",
    term: 3 as Term,
    round,
    minElectionTimeoutMs: 1000,
    result: { kind: "success", lastMatch: { term: 3 as Term, index: 51 as LogIndex } },
  };
}
