import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runScenario } from "./run-scenario.js";

const folder = fileURLToPath(new URL(".", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

/** `npm run scenarios -- --update` writes what the nodes do now; the diff is to be read. */
describe("scenarios", () => {
  it.each(files)("%s goes as it is written", async (name) => {
    const written = readFileSync(`${folder}/${name}`, "utf8");
    await expect(runScenario(written)).toMatchFileSnapshot(`${folder}/${name}`);
  });
});
