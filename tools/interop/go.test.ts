import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isOnPath, runClient, runTool, tellSkipped } from "./foreign-client.js";
import { ThreeNodes } from "./three-nodes.js";

const root = join(import.meta.dirname, "..", "..");
const protoRoot = join(root, "packages/proto/proto");
/** Where Debian installs the sources of Go packages; nothing is downloaded. */
const systemGoPath = "/usr/share/gocode";

const absent = ["go", "protoc", "protoc-gen-go", "protoc-gen-go-grpc"].find(
  (name) => !isOnPath(name),
);
const missing =
  absent !== undefined
    ? `no ${absent} (Debian: golang-go, protobuf-compiler, protoc-gen-go, protoc-gen-go-grpc)`
    : !knowsOptionalFields()
      ? "protoc-gen-go is older than 1.20 (Debian: protoc-gen-go, not protoc-gen-go-1-3)"
      : existsSync(join(systemGoPath, "src/google.golang.org/grpc"))
        ? undefined
        : "no gRPC sources (Debian: golang-google-grpc-dev, golang-google-protobuf-dev)";
if (missing !== undefined) tellSkipped("Go", missing);

describe.skipIf(missing !== undefined)("a Go client made from the proto files alone", () => {
  let folder: string;
  let cluster: ThreeNodes;
  let program: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "interop-go-"));
    program = build(folder);
    cluster = await ThreeNodes.start(root, join(folder, "data"));
  }, 300_000); // the first time, Go compiles gRPC itself

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is served as the contract says, starting from a follower", async () => {
    const endpoints = (await cluster.followersFirst()).join(",");
    expect(runClient(program, [endpoints], { timeoutMs: 60_000 })).toHaveLength(7);
  });
});

/** Optional fields of proto3 came with the generator's second life, which also tells its version. */
function knowsOptionalFields(): boolean {
  const { status, stdout } = spawnSync("protoc-gen-go", ["--version"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return status === 0 && /v1\.(?:[2-9]\d|1\d\d)/.test(stdout);
}

/** Generates the stubs and compiles the client, as of the time before Go modules. */
function build(folder: string): string {
  const sources = join(folder, "go/src");
  const program = join(folder, "client");
  mkdirSync(sources, { recursive: true });
  const out = [`--go_out=${sources}`, `--go-grpc_out=${sources}`];
  const files = ["error.proto", "client/client_api.proto"];
  // One at a time: each is a Go package of its own, and older plugins take one package a run.
  for (const file of files) {
    runTool("protoc", ["-I", protoRoot, ...out, file], { timeoutMs: 30_000 });
  }
  symlinkSync(join(import.meta.dirname, "go"), join(sources, "interop"));
  const env = { GO111MODULE: "off", GOPATH: `${join(folder, "go")}:${systemGoPath}`, GOFLAGS: "" };
  runTool("go", ["build", "-o", program, "interop"], { env, cwd: sources, timeoutMs: 270_000 });
  return program;
}
