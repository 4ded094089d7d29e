/** Receives bytes over TCP, or as messages of one gRPC call, and drops them. */
import { createServer } from "node:net";
import { Server, ServerCredentials, type ServerReadableStream } from "@grpc/grpc-js";
import { answerRequests } from "../asked-process.js";
import { type SinkAnswer, type SinkRequest, sinkMethod } from "./sink-method.js";

answerRequests<SinkRequest, SinkAnswer>(async () => {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(
    { sink: sinkMethod },
    {
      sink: (call: ServerReadableStream<Buffer, Buffer>, done: (e: null, b: Buffer) => void) => {
        call.on("data", () => undefined);
        call.on("end", () => done(null, Buffer.alloc(1)));
      },
    },
  );
  const tcp = createServer((socket) => {
    socket.on("data", () => undefined);
    socket.on("end", () => socket.end());
  });
  const grpcPort = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const address = tcp.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { grpcPort, tcpPort: address.port };
});
