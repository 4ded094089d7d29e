import { describe, expect, it } from "vitest";
import { runnableBlocks } from "./blocks.js";

const fence = (info: string, code: string) => `\`\`\`${info}\n${code}\n\`\`\`\n`;

describe("runnableBlocks", () => {
  it("finds the marked blocks, what they need and what they print", () => {
    const page = `# A\n\n${fence("sh", "skipped")}${fence("ts run", "a;\nb;")}
prints\n\n${fence("text", "1\n2")}${fence("sh run server", "x")}`;
    expect(runnableBlocks(page)).toEqual([
      { language: "ts", needsServer: false, line: 6, code: "a;\nb;\n", prints: "1\n2\n" },
      { language: "sh", needsServer: true, line: 17, code: "x\n", prints: undefined },
    ]);
  });

  it.each(["go run", "ts norun", "ts run sever"])("refuses the mark %s", (info) => {
    expect(() => runnableBlocks(fence(info, "x"))).toThrow(`line 1: cannot run a block marked`);
  });
});
