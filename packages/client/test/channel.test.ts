import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Authority, hasOpenssl } from "../../server/test/certificates.js";
import { Channel } from "../src/channel.js";
import { type ClientTls, tlsSourceOf } from "../src/tls/client-tls.js";

const answerBytesMax = 1024;

async function listening(
  credentials: ServerCredentials,
): Promise<{ readonly server: Server; readonly address: string }> {
  const server = new Server();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { server, address: `127.0.0.1:${port}` };
}

describe.skipIf(!hasOpenssl)("a channel over TLS", () => {
  let directory: string;
  let authority: Authority;
  let other: Authority;
  let secure: Awaited<ReturnType<typeof listening>>;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "channel-"));
    authority = new Authority(directory);
    other = new Authority(directory, "other-ca");
    const { cert, key } = authority.issue("node", "IP:127.0.0.1");
    const pair = { cert_chain: cert, private_key: key };
    secure = await listening(ServerCredentials.createSsl(null, [pair], false));
  });
  afterAll(() => {
    secure.server.forceShutdown();
    rmSync(directory, { recursive: true });
  });

  it("connects with what it is given by then, and keeps what cannot be replaced", async () => {
    let given: ClientTls = { ca: other.ca };
    const tls = tlsSourceOf(() => given);
    const channel = new Channel(secure.address, { answerBytesMax, tls });
    try {
      expect(await channel.becomesUp(2_000)).toBe(false);
      expect(await channel.noConnection()).toContain("(--ca)");
      given = { ca: "no certificate", cert: "neither" };
      expect(await channel.becomesUp(2_000)).toBe(false);
      expect(await channel.noConnection()).toContain("new settings are bad: tls.cert and tls.key");
      given = { ca: authority.ca };
      expect(await channel.becomesUp(2_000)).toBe(true);
      const { client } = channel;
      given = { ca: other.ca };
      expect(await channel.becomesUp(2_000)).toBe(true);
      expect(channel.client).toBe(client); // what is open goes on
    } finally {
      channel.close();
    }
  });

  it("says what a plaintext node is, and nothing breaks once it is closed", async () => {
    const plain = await listening(ServerCredentials.createInsecure());
    const tls = tlsSourceOf({ ca: authority.ca });
    const channel = new Channel(plain.address, { answerBytesMax, tls });
    try {
      expect(await channel.becomesUp(2_000)).toBe(false);
      expect(await channel.noConnection()).toMatch(
        /over TLS: wrong version number; does the node speak TLS\?$/,
      );
      channel.close();
      expect(await channel.noConnection()).toContain("no connection; does a node listen there?");
      const { client } = channel;
      channel.renew();
      expect(channel.client).toBe(client);
    } finally {
      channel.close();
      plain.server.forceShutdown();
    }
  });
});

describe("tlsSourceOf", () => {
  it.each([
    { tls: { cert: "a" }, told: "tls.cert and tls.key go together" },
    { tls: { minVersion: "1.1" as "1.2" }, told: 'must be "1.2" or "1.3"' },
    { tls: { ca: "x", rootCerts: "x" } as ClientTls, told: "tls.rootCerts is no option" },
    { tls: { cert: "a", key: "b" }, told: "PEM is wanted" },
    { tls: "yes" as unknown as boolean, told: "must be true, false" },
  ])("refuses what cannot be: $told", ({ tls, told }) => {
    expect(() => tlsSourceOf(tls)).toThrow(told);
    if (typeof tls === "object") expect(() => tlsSourceOf(() => tls)).toThrow(told);
  });

  it("is nothing for plaintext, and always the same where nothing changes", () => {
    expect(tlsSourceOf(undefined)).toBeUndefined();
    expect(tlsSourceOf(false)).toBeUndefined();
    const source = tlsSourceOf(true);
    expect(source?.current()).toBe(source?.current());
  });
});
