import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort as lowPort } from "../packages/server/test/free-port.js";
import { freePort, NodeProcess } from "./crash-test/node-process.js";
import { type RunnableBlock, runnableBlocks } from "./readme/blocks.js";
import { readText } from "./tidy/checkout.js";

// Within the checkout, so that the examples find the packages as a user's program would.
const root = join(import.meta.dirname, "..");
const cli = join(root, "packages/d-engine/dist/cli/main.js");
const pages = [
  "README.md",
  "docs/recipes.md",
  "docs/authentication.md",
  "packages/testing/README.md",
];
const blocks = pages.flatMap((page) =>
  runnableBlocks(readText(page)).map((block) => ({ ...block, page })),
);

let folder: string;
let node: NodeProcess;
let address: string;
/** What stands in the examples, and what is used here instead. */
const addresses = new Map<string, string>();

beforeAll(async () => {
  mkdirSync(join(root, ".tmp"), { recursive: true });
  folder = mkdtempSync(join(root, ".tmp", "readme-"));
  address = `127.0.0.1:${await freePort()}`;
  addresses.set("127.0.0.1:9081", address);
  for (const port of [9181, 9182, 9183, 9281, 9282, 9283]) {
    addresses.set(`127.0.0.1:${port}`, `127.0.0.1:${await lowPort()}`);
  }
  node = new NodeProcess({ root, dataDir: join(folder, "server-data"), listen: address });
  await node.ready();
  compileTypeScript();
});

afterAll(async () => {
  await node.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

type Example = RunnableBlock & { readonly page: string };

const nameOf = ({ page, line }: Example) => `${page.replaceAll("/", "-")}-line-${line}`;
const fileOf = (block: Example) => join(folder, `${nameOf(block)}.ts`);

function withAddresses(code: string): string {
  return [...addresses].reduce((text, [shown, used]) => text.replaceAll(shown, used), code);
}

/** All TypeScript examples at once: they must type-check as they stand. */
function compileTypeScript(): void {
  for (const block of blocks.filter(({ language }) => language === "ts")) {
    writeFileSync(fileOf(block), withAddresses(block.code));
  }
  const config = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: { composite: false, declaration: false, declarationMap: false },
    include: ["*.ts"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  // The compiled packages are what an installed example would meet.
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const result = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
  expect(result.stdout).toBe("");
}

/** Runs an example in an empty folder of its own, as `./data` stands in some of them. */
function run(block: Example) {
  const cwd = join(folder, nameOf(block));
  mkdirSync(cwd);
  if (block.language === "ts") {
    const program = fileOf(block).replace(/\.ts$/, ".js");
    return spawnSync(process.execPath, [program], { cwd, encoding: "utf8", timeout: 30_000 });
  }
  // What npx would find, started without npm's own second of start-up each time.
  const ask = `case "$1 $2" in "snapshot inspect"|"snapshot restore") ;; *) set -- "$@" -e ${address};; esac`;
  const npx = `npx() { shift; ${ask}; "${process.execPath}" "${cli}" "$@"; }`;
  const script = `set -e\n${npx}\n${block.code}`;
  return spawnSync("sh", ["-c", script], { cwd, encoding: "utf8", timeout: 30_000 });
}

describe("README.md", () => {
  it("begins with the two commands that work on a fresh clone", () => {
    const page = readText("README.md");
    const first = /```sh\n(.*?)```/s
      .exec(page)![1]!
      .split("\n")
      .filter((line) => line !== "");
    expect(first.map((line) => line.split(/\s{2,}/)[0])).toEqual(["npm start", "npm test"]);
  });

  it("has an example of everything that it promises", () => {
    const kinds = blocks
      .filter(({ page }) => page === "README.md")
      .map(({ language, needsServer }) => `${language} ${needsServer}`);
    expect(kinds).toEqual([
      "ts false", // one process
      "ts true", // a client
      "sh true", // the command line
      "ts false", // three nodes
      "ts false", // from one to three
      "sh true", // members
      "sh true", // backups
      "ts false", // coordination
      "ts false", // a simulation
    ]);
  });
});

describe("the documents", () => {
  it.each(blocks)(
    "have a $language example in $page, line $line, that does what it says",
    (block) => {
      const { status, stdout, stderr } = run(block);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      if (block.prints !== undefined) expect(stdout).toBe(block.prints);
    },
  );
});
