import { createServer } from "node:net";

/** Loopback addresses that nobody listens on at this moment. */
export async function freeAddresses(count: number): Promise<string[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening()));
  const addresses = servers.map((server) => {
    const bound = server.address();
    if (bound === null || typeof bound === "string") throw new Error("no port was given");
    return `127.0.0.1:${bound.port}`;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return addresses;
}

function listening(): Promise<ReturnType<typeof createServer>> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}
