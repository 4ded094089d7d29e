import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

it.each<{ name: string; says: readonly (string | RegExp)[] }>([
  {
    name: "leader-election",
    says: ["anna writes report 1", "bert writes report 2", "cleo writes report 3", "one at a time"],
  },
  {
    name: "lock-with-fencing",
    says: [
      "the first has the lock",
      "the second has the lock",
      'archive: "work of the second"',
      "the first wakes; held: false",
      /archive: refused "late work of the first" with token \d+/,
      "the first is told: LOCK_LOST",
    ],
  },
  {
    name: "live-configuration",
    says: [
      "uploads: 20 a second",
      "perSecond must be a number from 1 up",
      "kept the last good uploads",
      "uploads: 20 a second",
      "set uploads { perSecond: 50 }",
    ],
  },
  {
    name: "service-registry",
    says: [
      "one comes: api-1 at http://10.0.0.7:8080",
      "another comes: api-1 at http://10.0.0.7:8080, api-2 at http://10.0.0.8:8080",
      "a second later: api-1 at http://10.0.0.7:8080\n",
      "it has moved: api-1 at http://10.0.0.9:8080",
      "and says goodbye: nobody",
    ],
  },
  { name: "cron-once", says: ["cleans up for", "3 times, 3 runs"] },
  {
    name: "rate-limit",
    says: ["5 of 12 calls within a limit of 5", "in the next window: true"],
  },
])(
  "examples/$name says what it does, and ends",
  ({ name, says }) => {
    const folder = mkdtempSync(join(tmpdir(), `${name}-`));
    try {
      const program = join(import.meta.dirname, name, "main.mjs");
      const options = { encoding: "utf8", timeout: 60_000 } as const;
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [program, join(folder, "data")],
        options,
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      let at = 0;
      for (const line of says) {
        const rest = stdout.slice(at);
        const found = typeof line === "string" ? rest.indexOf(line) : rest.search(line);
        expect({ line: String(line), isSaid: found >= 0, stdout }).toMatchObject({ isSaid: true });
        at += found + 1;
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  70_000,
);
