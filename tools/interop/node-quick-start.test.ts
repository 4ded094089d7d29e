import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ThreeNodes } from "./three-nodes.js";

const root = join(import.meta.dirname, "..", "..");
const attemptsMax = 3;
const callTimeoutMs = 5_000;

/** Of `ClientResponse`, with enums by name and absent messages as `null`. */
interface Response {
  readonly error: string;
  readonly writeResult: { readonly succeeded: boolean } | null;
  readonly readData: { readonly results: readonly { readonly value: Buffer }[] } | null;
  readonly metadata: { readonly leaderAddress?: string } | null;
}

type Method = "HandleClientWrite" | "HandleClientRead";

const ClientService = loadService();

/** Makes the service from the proto files at run time: nothing of ours has a part in it. */
function loadService() {
  const options = {
    includeDirs: [join(root, "packages/proto/proto")],
    enums: String,
    defaults: true,
  };
  const loaded = loadPackageDefinition(loadSync("client/client_api.proto", options));
  const byPath = (at: object, name: string): object => Reflect.get(at, name) as object;
  const found = "d_engine.client.RaftClientService".split(".").reduce(byPath, loaded);
  return found as unknown as new (
    ...arguments_: ConstructorParameters<typeof Client>
  ) => Client & Readonly<Record<Method, (...rest: unknown[]) => void>>;
}

/** One call at one node, on a connection of its own. */
async function call(address: string, method: Method, request: object): Promise<Response> {
  const client = new ClientService(address, credentials.createInsecure());
  try {
    return await new Promise<Response>((resolve, reject) => {
      const deadline = Date.now() + callTimeoutMs;
      client[method](request, { deadline }, (error: Error | null, response?: Response) =>
        error === null && response !== undefined ? resolve(response) : reject(error),
      );
    });
  } finally {
    client.close();
  }
}

/**
 * What the quick start for other languages does: ask the first address; when the call fails, ask
 * the next one; when the node answers that another leads, ask that one; give up after three.
 */
async function quickStart(addresses: readonly string[]) {
  const asked: string[] = [];
  let next = addresses[0]!;
  while (asked.length < attemptsMax) {
    const address = next;
    asked.push(address);
    const command = { insert: { key: Buffer.from("hello"), value: Buffer.from("world") } };
    const request = { clientId: 0, command };
    const response = await call(address, "HandleClientWrite", request).catch(() => undefined);
    if (response?.error === "SUCCESS") return { asked, leader: address, response };
    next =
      response?.error === "NOT_LEADER" && response.metadata?.leaderAddress !== undefined
        ? response.metadata.leaderAddress
        : addresses[(addresses.indexOf(address) + 1) % addresses.length]!;
  }
  throw new Error(`not served at any of ${asked.join(", ")}`);
}

describe("the quick start for other languages", () => {
  let folder: string;
  let cluster: ThreeNodes;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "quick-start-"));
    cluster = await ThreeNodes.start(root, join(folder, "data"));
  }, 90_000);

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("reaches the leader with one redirect, from any follower", async () => {
    const addresses = await cluster.followersFirst();
    const leader = addresses.at(-1)!;
    for (const follower of addresses.slice(0, -1)) {
      const { asked, response } = await quickStart([follower, ...addresses]);
      expect(asked).toEqual([follower, leader]);
      expect(response.writeResult?.succeeded).toBe(true);
    }
  });

  it("reaches the leader with one redirect when the first address is dead", async () => {
    const addresses = await cluster.followersFirst();
    const { asked } = await quickStart(["127.0.0.1:1", ...addresses]);
    expect(asked).toEqual(["127.0.0.1:1", addresses[0], addresses.at(-1)]);
  });

  it("then reads what it wrote with a linearizable read, at any node", async () => {
    const addresses = await cluster.followersFirst();
    await quickStart(addresses);
    for (const address of addresses) {
      const request = {
        keys: [Buffer.from("hello")],
        consistencyPolicy: "READ_CONSISTENCY_POLICY_LINEARIZABLE_READ",
      };
      const { error, readData } = await call(address, "HandleClientRead", request);
      expect(error).toBe("SUCCESS");
      expect(readData?.results.map(({ value }) => value.toString())).toEqual(["world"]);
    }
  });
});
