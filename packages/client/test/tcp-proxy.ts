import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { freePort } from "../../server/test/free-port.js";

/** Stands between a client and a node, and can do to their connections what networks do. */
export class TcpProxy implements AsyncDisposable {
  readonly address: string;
  /** Called with the bytes that went towards the node so far. */
  onForward: ((bytes: number) => void) | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #silent = new WeakSet<Socket>();
  #forwarded = 0;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  static async start(target: string): Promise<TcpProxy> {
    const [host = "", port] = target.split(":");
    const server = createServer();
    const address = `127.0.0.1:${await freePort()}`;
    const proxy = new TcpProxy(server, address);
    server.on("connection", (client) => proxy.#join(client, dial(Number(port), host)));
    await new Promise<void>((resolve) => {
      server.listen(Number(address.split(":")[1]), "127.0.0.1", resolve);
    });
    return proxy;
  }

  /** From now on the present connections lose all that is sent, and neither side hears of it. */
  silence(): void {
    for (const socket of this.#sockets) this.#silent.add(socket);
  }

  /** Breaks every connection at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, node: Socket): void {
    for (const [from, to] of [
      [client, node],
      [node, client],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (bytes) => {
        if (this.#silent.has(from)) return;
        to.write(bytes);
        if (from !== client) return;
        this.#forwarded += bytes.length;
        this.onForward?.(this.#forwarded);
      });
      // A reset is what a cut looks like from here.
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
