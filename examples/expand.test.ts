import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { freePort } from "../packages/server/test/free-port.js";

it("examples/expand grows one node to three voters under load, and no write fails", async () => {
  const program = join(import.meta.dirname, "expand/main.mjs");
  const args = [program, String(await threeFreePorts())];
  const options = { encoding: "utf8", timeout: 110_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const id of [2, 3]) {
    expect(stdout).toMatch(new RegExp(`node ${id} \\| pulled 100 % of the snapshot`));
  }
  expect(stdout).toMatch(/^voters 1, 2, 3; learners none +[1-9]\d* writes, 0 failed/m);
  expect(stdout).toMatch(/no write failed\nall stopped\n$/);
}, 120_000);

/** The first of three ports in a row that nobody listens on. */
async function threeFreePorts(): Promise<number> {
  for (;;) {
    const [first, second, third] = [await freePort(), await freePort(), await freePort()];
    if (second === first + 1 && third === first + 2) return first;
  }
}
