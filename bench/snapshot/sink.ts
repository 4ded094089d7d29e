import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { Client, credentials } from "@grpc/grpc-js";
import { AskedProcess } from "../asked-process.js";
import { asIs, type SinkAnswer, type SinkRequest, sinkMethod } from "./sink-method.js";

const pieceBytes = 256 * 1024;

/** What loopback gives at best: seconds for so many bytes to another process. */
export class Sink {
  readonly #process: AskedProcess<SinkRequest, SinkAnswer>;
  readonly #ports: SinkAnswer;

  private constructor(process: AskedProcess<SinkRequest, SinkAnswer>, ports: SinkAnswer) {
    this.#process = process;
    this.#ports = ports;
  }

  static async start(): Promise<Sink> {
    const program = fileURLToPath(new URL("./sink-process.js", import.meta.url));
    const started = new AskedProcess<SinkRequest, SinkAnswer>("sink", program);
    return new Sink(started, await started.ask({ kind: "listen" }));
  }

  async tcpMs(bytes: number): Promise<number> {
    const startedMs = performance.now();
    const socket = connect(this.#ports.tcpPort, "127.0.0.1");
    const piece = Buffer.alloc(pieceBytes, 0x76);
    for (let sent = 0; sent < bytes; sent += pieceBytes) {
      if (!socket.write(piece)) await once(socket, "drain");
    }
    socket.end().resume();
    await once(socket, "close");
    return performance.now() - startedMs;
  }

  async grpcMs(bytes: number): Promise<number> {
    const startedMs = performance.now();
    const client = new Client(`127.0.0.1:${this.#ports.grpcPort}`, credentials.createInsecure());
    const piece = Buffer.alloc(pieceBytes, 0x76);
    await new Promise<void>((resolve, reject) => {
      const done = (error: Error | null) => (error === null ? resolve() : reject(error));
      const call = client.makeClientStreamRequest(sinkMethod.path, asIs, asIs, done);
      void (async () => {
        for (let sent = 0; sent < bytes; sent += pieceBytes) {
          if (!call.write(piece)) await once(call, "drain");
        }
        call.end();
      })().catch(reject);
    });
    client.close();
    return performance.now() - startedMs;
  }

  kill(): void {
    this.#process.kill();
  }
}
