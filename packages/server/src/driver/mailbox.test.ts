import type { InputEvent, NodeId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { Mailbox } from "./mailbox.js";

function from(peer: number): InputEvent {
  return { kind: "unreachable", peer: peer as NodeId };
}

function peerOf(event: InputEvent): number {
  return event.kind === "unreachable" ? event.peer : 0;
}

describe("Mailbox", () => {
  it("handles one event at a time, in order, also those that handling causes", () => {
    const log: string[] = [];
    const mailbox = new Mailbox((event) => {
      const peer = peerOf(event);
      log.push(`begin ${peer}`);
      if (peer === 1) {
        mailbox.post(from(2));
        mailbox.post(from(3));
      }
      log.push(`end ${peer}`);
    }, String);
    mailbox.post(from(1));
    expect(log).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
  });

  it("handles nothing after a throw, which it reports once", () => {
    const handled: number[] = [];
    const failures: unknown[] = [];
    const mailbox = new Mailbox(
      (event) => {
        handled.push(peerOf(event));
        mailbox.post(from(2));
        throw new Error("half done");
      },
      (error) => failures.push(String(error)),
    );
    mailbox.post(from(1));
    mailbox.post(from(3));
    expect(handled).toEqual([1]);
    expect(failures).toEqual(["Error: half done"]);
  });

  it("handles nothing after close, not even what waits", () => {
    const handled: number[] = [];
    const mailbox = new Mailbox((event) => {
      handled.push(peerOf(event));
      mailbox.post(from(2));
      mailbox.close();
    }, String);
    mailbox.post(from(1));
    expect(handled).toEqual([1]);
  });
});
