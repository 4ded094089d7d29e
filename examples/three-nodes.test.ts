import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { freePort } from "../packages/server/test/free-port.js";

it("examples/three-nodes goes on after the leader was killed, and takes it in again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "three-nodes-"));
  try {
    const program = join(import.meta.dirname, "three-nodes/main.mjs");
    const args = [program, join(folder, "data"), String(await threeFreePorts())];
    const options = { encoding: "utf8", timeout: 110_000 } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const killed = /^killed node (\d), which led$/m.exec(stdout)?.[1];
    expect(stdout.split("\n").slice(-6)).toEqual(expect.arrayContaining(["all closed", ""]));
    expect(stdout).toMatch(/^wrote again [\d.]+ s later; node [123] leads\nconfig\/rate = 100$/m);
    expect(stdout).not.toContain(`later; node ${killed} leads`);
    expect(stdout).toContain(`\nnode ${killed} is back\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

/** The first of three ports in a row that nobody listens on. */
async function threeFreePorts(): Promise<number> {
  for (;;) {
    const [first, second, third] = [await freePort(), await freePort(), await freePort()];
    if (second === first + 1 && third === first + 2) return first;
  }
}
