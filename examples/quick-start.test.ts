import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

it("examples/quick-start finds in its second run what the first one wrote", () => {
  const folder = mkdtempSync(join(tmpdir(), "quick-start-"));
  try {
    const program = join(import.meta.dirname, "quick-start/main.mjs");
    const run = () =>
      spawnSync(process.execPath, [program, join(folder, "data")], { encoding: "utf8" });
    for (const number of [1, 2]) {
      const { status, stdout, stderr } = run();
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain(
        `config/rate = 100\nrun number ${number}\nconfig/burst = 20\nconfig/rate = 100\n`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
