import { execFileSync } from "node:child_process";
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { applyMutation, type Mutation } from "./mutation.js";

/**
 * A copy of the checkout, as it is now, in which sources can be broken without harm. Third-party
 * packages are links to those of the checkout; the packages of the workspace are the copy's own,
 * or the tests would test what is not mutated.
 */
export class TreeCopy {
  readonly root: string;
  readonly #from: string;

  constructor(from: string) {
    this.#from = from;
    this.root = realpathSync(mkdtempSync(join(tmpdir(), "d-engine-mutate-")));
    this.#copySources();
    this.#linkPackages("");
    this.#checkWorkspace();
  }

  /** Throws for a bug that cannot be put in, before hours are spent on the others. */
  check(mutations: readonly Mutation[]): void {
    for (const mutation of mutations) {
      applyMutation(readFileSync(join(this.root, mutation.file), "utf8"), mutation);
    }
  }

  /** Runs `work` while the bug is in the copy. */
  async with<T>(mutation: Mutation, work: () => Promise<T>): Promise<T> {
    const path = join(this.root, mutation.file);
    const source = readFileSync(path, "utf8");
    writeFileSync(path, applyMutation(source, mutation));
    try {
      return await work();
    } finally {
      writeFileSync(path, source);
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Everything that git knows or would take in, changes that are not committed included. */
  #copySources(): void {
    const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    const paths = execFileSync("git", args, { cwd: this.#from, encoding: "utf8" }).split("\0");
    for (const path of new Set(paths)) {
      if (path === "" || !existsSync(join(this.#from, path))) continue;
      mkdirSync(join(this.root, dirname(path)), { recursive: true });
      const target = join(this.root, path);
      copyFileSync(join(this.#from, path), target, constants.COPYFILE_FICLONE);
    }
  }

  #linkPackages(scope: string): void {
    const from = join(this.#from, "node_modules", scope);
    const to = join(this.root, "node_modules", scope);
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) {
      if (scope === "" && name.startsWith("@")) this.#linkPackages(name);
      else if (!name.startsWith("."))
        symlinkSync(this.#linkTarget(join(from, name)), join(to, name));
    }
  }

  #linkTarget(installed: string): string {
    const target = realpathSync(installed);
    const packages = join(realpathSync(this.#from), "packages");
    return target.startsWith(packages)
      ? join(this.root, "packages", target.slice(packages.length))
      : target;
  }

  /** That every package of the workspace, as the copy imports it, lies in the copy. */
  #checkWorkspace(): void {
    for (const folder of readdirSync(join(this.root, "packages"))) {
      const manifest = join(this.root, "packages", folder, "package.json");
      if (!existsSync(manifest)) continue;
      const { name } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly name: string };
      const link = join(this.root, "node_modules", name);
      const expected = join(this.root, "packages", folder);
      if (existsSync(link) && realpathSync(link) === expected) continue;
      throw new Error(`${name} is not linked in node_modules: run npm install`);
    }
  }
}
