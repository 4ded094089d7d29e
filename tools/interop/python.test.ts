import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isOnPath, runClient, runTool, tellSkipped } from "./foreign-client.js";
import { ThreeNodes } from "./three-nodes.js";

const root = join(import.meta.dirname, "..", "..");
const protoRoot = join(root, "packages/proto/proto");
const sources = ["error", "common", "client/client_api", "server/storage", "server/cluster"];

/** A Python that has gRPC; the system's own is where a distribution puts its packages. */
const python = ["python3", "/usr/bin/python3"].find(
  (name) => spawnSync(name, ["-c", "import grpc, google.protobuf"]).status === 0,
);
const plugin = "grpc_python_plugin";
const missing =
  python === undefined
    ? "no python3 with grpcio (Debian: python3-grpcio, python3-protobuf)"
    : ["protoc", plugin].some((name) => !isOnPath(name))
      ? `no protoc with ${plugin} (Debian: protobuf-compiler, protobuf-compiler-grpc)`
      : undefined;
if (missing !== undefined) tellSkipped("Python", missing);

describe.skipIf(missing !== undefined)("a Python client made from the proto files alone", () => {
  let folder: string;
  let cluster: ThreeNodes;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "interop-python-"));
    generate(join(folder, "stubs"));
    cluster = await ThreeNodes.start(root, join(folder, "data"));
  }, 90_000);

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The endpoints go to it with a follower first. */
  const run = async (...flags: string[]) =>
    runClient(
      python!,
      [
        join(import.meta.dirname, "python/main.py"),
        ...flags,
        (await cluster.followersFirst()).join(","),
      ],
      {
        env: { PYTHONPATH: join(folder, "stubs"), PYTHONDONTWRITEBYTECODE: "1" },
        timeoutMs: 120_000,
      },
    );

  it("is served as the contract says, starting from a follower", async () => {
    expect((await run()).length).toBeGreaterThanOrEqual(27);
  }, 150_000);

  it("finds every acknowledged write, and is served on, after the leader was killed", async () => {
    await cluster.killLeader();
    expect(await run("--after-failover")).toHaveLength(2);
  }, 150_000);
});

function generate(out: string): void {
  mkdirSync(out);
  const compile = (include: string, files: readonly string[]): void => {
    const args = ["-I", include, `--python_out=${out}`, `--grpc_python_out=${out}`];
    const to = `--plugin=protoc-gen-grpc_python=${whereIs(plugin)}`;
    runTool("protoc", [...args, to, ...files], { timeoutMs: 30_000 });
  };
  const files = sources.map((name) => `${name}.proto`);
  compile(protoRoot, files);
  // By its own folder: as `grpc.health.v1` it would hide behind the grpc package.
  compile(join(protoRoot, "grpc/health/v1"), ["health.proto"]);
}

function whereIs(name: string): string {
  return runTool("sh", ["-c", `command -v "${name}"`], { timeoutMs: 5_000 }).trim();
}
