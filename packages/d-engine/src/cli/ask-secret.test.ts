import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { askSecret, type Terminal } from "./ask-secret.js";

/** Notes what is done to it, in order. */
class FakeTerminal {
  readonly done: string[] = [];
  readonly keyboard = new EventEmitter();
  readonly stdin = Object.assign(this.keyboard, {
    setRawMode: (raw: boolean) => void this.done.push(`raw ${raw}`),
    setEncoding: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
  }) as unknown as Terminal["stdin"];
  readonly stderr = { write: (text: string) => this.done.push(text) };

  type(text: string): void {
    this.keyboard.emit("data", text);
  }
}

describe("askSecret", () => {
  it("shows nothing from before its prompt until the line is there", async () => {
    const terminal = new FakeTerminal();
    const answer = askSecret("password: ", terminal);
    for (const text of ["sx", "\u007f", "ecret", "\r"]) terminal.type(text);
    expect(await answer).toBe("secret");
    expect(terminal.done).toEqual(["raw true", "password: ", "raw false", "\n"]);
  });

  it("can be given up, and leaves the terminal as it was", async () => {
    const terminal = new FakeTerminal();
    const answer = askSecret("password: ", terminal);
    terminal.type("sec\u0003");
    await expect(answer).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    expect(terminal.done.slice(-2)).toEqual(["raw false", "\n"]);
    expect(terminal.keyboard.listenerCount("data")).toBe(0);
  });
});
