import { create, kvService, toBinary } from "@d-engine/proto";
import { Server, ServerCredentials, type ServerDuplexStream, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CONNECT_DEFAULTS } from "../connect-options.js";
import { asBuffer, asIs, pathOf } from "../grpc-bytes.js";
import { GrpcTransport } from "../grpc-transport.js";

type Call = ServerDuplexStream<Buffer, Buffer>;

let node: Server;
let address: string;
let transport: GrpcTransport;
/** What the node does with the first message of a stream. */
let answer: (call: Call) => void;

beforeEach(async () => {
  node = new Server();
  const bytes = { requestSerialize: asBuffer, requestDeserialize: asIs };
  const method = {
    ...bytes,
    path: pathOf(kvService.KvService.method.watch),
    requestStream: true,
    responseStream: true,
    responseSerialize: asBuffer,
    responseDeserialize: asIs,
  };
  node.addService(
    { watch: method },
    { watch: (call: Call) => call.once("data", () => answer(call)) },
  );
  const port = await new Promise<number>((resolve, reject) =>
    node.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  address = `127.0.0.1:${port}`;
  transport = new GrpcTransport(CONNECT_DEFAULTS);
});
afterEach(async () => {
  await transport.close();
  node.forceShutdown();
});

describe("a stream in which both sides send", () => {
  it.each([
    {
      name: "the node ends it with a status",
      end: (call: Call) => call.emit("error", { code: status.UNAVAILABLE, details: "closing" }),
    },
    { name: "the node ends it without one", end: (call: Call) => call.end() },
    { name: "its connection is lost", end: () => node.forceShutdown() },
  ])("is known to be over when $name, behind what it brought", async ({ end }) => {
    answer = (call) => {
      call.write(created(7), () => end(call));
    };
    const stream = transport.open<"watch">(address, { kind: "watch" }, { timeoutMs: 5_000 });
    stream.send({ kind: "cancel", id: 1 });
    expect(await stream.next()).toMatchObject({ kind: "received", message: { revision: 7 } });
    expect(await stream.next()).toMatchObject({ kind: "failed" });
  });
});

function created(revision: number): Buffer {
  const value = create(kvService.WatchCreatedSchema, { revision: BigInt(revision) });
  const message = create(kvService.WatchStreamResponseSchema, {
    id: 1n,
    response: { case: "created", value },
  });
  return Buffer.from(toBinary(kvService.WatchStreamResponseSchema, message));
}
