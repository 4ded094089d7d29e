import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { KvStateMachine } from "@d-engine/kv";
import { Metadata, Server } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Authority, hasOpenssl, type Issued } from "../../test/certificates.js";
import { resolveSettings } from "../options.js";
import { startNode } from "../start-node.js";
import { NodeSecurity } from "./node-security.js";
import { PeerSecret } from "./peer-secret.js";
import { SECURITY_DEFAULTS, securityConflicts } from "./security-settings.js";
import { readTlsFiles } from "./tls-files.js";

describe("PeerSecret", () => {
  const who = { nodeId: 2, instanceId: "ab".repeat(16) };
  const secret = new PeerSecret("0123456789abcdef");

  it("believes who knows the secret, and never sends it", () => {
    const shown = secret.sign(new Metadata(), who);
    expect(secret.refuse(shown, who)).toBeUndefined();
    expect(JSON.stringify(shown.getMap())).not.toContain("0123456789abcdef");
  });

  it.each([
    { name: "no proof", shown: new Metadata(), told: "shows no proof" },
    {
      name: "another secret",
      shown: new PeerSecret("0123456789abcdeF").sign(new Metadata(), who),
      told: "has another cluster_secret",
    },
    {
      name: "the proof of another node",
      shown: secret.sign(new Metadata(), { ...who, nodeId: 3 }),
      told: "has another cluster_secret",
    },
    {
      name: "the proof of another directory",
      shown: secret.sign(new Metadata(), { ...who, instanceId: "cd".repeat(16) }),
      told: "has another cluster_secret",
    },
  ])("refuses $name", ({ shown, told }) => {
    expect(secret.refuse(shown, who)).toContain(told);
  });
});

describe("securityConflicts", () => {
  it.each([
    { change: { tlsCert: "a" }, told: "tlsCert and tlsKey go together" },
    { change: { tlsCa: "a" }, told: "tlsCert is not set" },
    {
      change: { tlsCert: "a", tlsKey: "b", tlsClientAuth: "require" as const },
      told: "needs tlsCert, tlsKey, and tlsCa",
    },
    { change: { clusterSecret: "short" }, told: "shorter than 16 characters" },
  ])("names $told", ({ change, told }) => {
    const conflicts = securityConflicts({ ...SECURITY_DEFAULTS, ...change });
    expect(conflicts.map(({ problem }) => problem)).toEqual([expect.stringContaining(told)]);
  });
});

describe.skipIf(!hasOpenssl)("certificates of a node", () => {
  let directory: string;
  let authority: Authority;
  let node: Issued;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "tls-"));
    authority = new Authority(directory);
    node = authority.issue("node", "IP:127.0.0.1");
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const filesOf = ({ certFile, keyFile }: Issued) => ({
    ...SECURITY_DEFAULTS,
    tlsCert: certFile,
    tlsKey: keyFile,
    tlsCa: authority.caFile,
  });

  it("are told by file, reason and way out when they cannot be used", async () => {
    const day = 24 * 3_600_000;
    const other = authority.issue("other", "IP:127.0.0.1");
    const garbage = join(directory, "garbage.pem");
    writeFileSync(garbage, "no certificate");
    const refusal = async (change: object, wallMs = Date.now()): Promise<string> => {
      const reading = readTlsFiles({ ...filesOf(node), ...change }, wallMs);
      return await reading.then(
        () => "taken",
        (error: Error) => error.message,
      );
    };
    expect(await refusal({})).toBe("taken");
    expect(await refusal({ tlsCert: "/nowhere" })).toMatch(/tls_cert \(\/nowhere\) .*ENOENT/);
    expect(await refusal({ tlsKey: other.keyFile })).toContain("is not the key of");
    expect(await refusal({ tlsCert: garbage })).toContain("is no certificate in PEM");
    expect(await refusal({ tlsKey: garbage })).toContain("is no private key in PEM");
    expect(await refusal({ tlsCa: garbage })).toMatch(/tls_ca .* is no certificate/);
    expect(await refusal({}, Date.now() + 31 * day)).toContain("expired at");
    expect(await refusal({}, Date.now() - day)).toContain("check the clock");
  });

  it("are looked at no more when the start that opened them has failed", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const files = { ...filesOf(node), tlsClientAuth: "none" as const };
      const reason = new Error("the storage cannot be opened");
      const starting = startNode({
        settings: resolveSettings(files),
        storage: { open: () => Promise.reject(reason) },
        stateMachine: new KvStateMachine(resolveSettings().limits),
      });
      await expect(starting).rejects.toBe(reason);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("are replaced for new connections while old ones stay, and only by what fits", async () => {
    const used = {
      certFile: join(directory, "used.pem"),
      keyFile: join(directory, "used-key.pem"),
    };
    const put = ({ certFile, keyFile }: Issued): void => {
      copyFileSync(certFile, used.certFile);
      copyFileSync(keyFile, used.keyFile);
    };
    put(node);
    const told: string[] = [];
    const say = (line: string): void => void told.push(line);
    const logger = { debug: say, info: say, warn: say, error: say };
    const security = await NodeSecurity.open(
      { ...filesOf(node), tlsCert: used.certFile, tlsKey: used.keyFile },
      logger,
    );
    const server = new Server();
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", security.server, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const sockets: TLSSocket[] = [];
    const shownBy = async (): Promise<string | undefined> => {
      const socket = connect({ port, host: "127.0.0.1", ca: authority.ca, ALPNProtocols: ["h2"] });
      sockets.push(socket);
      await once(socket, "secureConnect");
      return socket.getPeerX509Certificate()?.serialNumber;
    };
    try {
      const first = await shownBy();
      const renewed = authority.issue("renewed", "IP:127.0.0.1");
      writeFileSync(used.certFile, renewed.cert);
      await security.reload(); // its key is still the old one
      expect(told).toEqual([expect.stringContaining("the certificate stays as it was")]);
      expect(await shownBy()).toBe(first);
      await security.reload(); // told once
      expect(told).toHaveLength(1);
      expect(security.metrics().certificatesRefused).toBe(2);
      expect(security.metrics().certificateEndsMs).toBeGreaterThan(Date.now());
      put(renewed);
      const before = security.clientTls?.();
      await security.reload();
      expect(told.at(-1)).toContain("was replaced");
      const second = await shownBy();
      expect(second).not.toBe(first);
      expect(sockets.slice(0, 2).map((socket) => socket.destroyed)).toEqual([false, false]);
      expect(security.clientTls?.()).not.toBe(before);
      await security.reload(); // nothing has changed
      expect(told).toHaveLength(2);
    } finally {
      for (const socket of sockets) socket.destroy();
      security.close();
      server.forceShutdown();
    }
  });
});
