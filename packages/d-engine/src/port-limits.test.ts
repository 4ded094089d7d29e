import { readFileSync } from "node:fs";
import { connect } from "@d-engine/client";
import { describe, expect, it } from "vitest";
import { Authority, hasOpenssl } from "../../server/test/certificates.js";
import { freePort } from "../../server/test/free-port.js";
import { RawSocket } from "../../server/test/raw-socket.js";
import { readyEngine, temporaryDirectory } from "./testing/engine-in.js";

const small = { requestBytesMax: 2 * 1024 * 1024, valueBytesMax: 512 * 1024 };

/** Over a connection of its own: one that is kept would count. */
async function metricsAt(address: string): Promise<string> {
  const raw = await RawSocket.open(address);
  raw.send(Buffer.from("GET /metrics HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"));
  await raw.closed;
  return raw.received.toString();
}

describe("the bounds of a node's ports", () => {
  it("say of a put that is too large what is allowed, and that nothing was done", async () => {
    const engine = await readyEngine({ ...small, listen: `127.0.0.1:${await freePort()}` });
    const address = engine.address ?? "";
    for (const session of [true, false]) {
      await using client = await connect([address], { session });
      const put = client.put("k", Buffer.alloc(2 * 1024 * 1024));
      await expect(put).rejects.toMatchObject({
        code: "INVALID_REQUEST",
        outcome: "rejected",
        message: expect.stringMatching(/vs 2097152\).*raise requestBytesMax/),
      });
      await client.put("k", "small");
    }
  });

  it("keep out of the log what no follower could be sent", async () => {
    const client = (await readyEngine(small)).client();
    const value = Buffer.alloc(512 * 1024);
    const puts = [0, 1, 2, 3].map((at) => ({ kind: "put" as const, key: `k${at}`, value }));
    await expect(
      client
        .txn()
        .then(...puts)
        .commit(),
    ).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      outcome: "rejected",
      message: expect.stringContaining("requestBytesMax"),
    });
    await client
      .txn()
      .then(...puts.slice(1))
      .commit();
  });

  it("hold for the operators' port, and are counted", async () => {
    const listen = `127.0.0.1:${await freePort()}`;
    const engine = await readyEngine({
      listen,
      adminListen: "127.0.0.1:0",
      connectionsMax: 1,
      connectionsPerAddressMax: 1,
      adminConnectionsMax: 2,
      adminConnectionsPerAddressMax: 2,
      handshakeTimeoutMs: 100,
    });
    const silent = await RawSocket.open(listen);
    const refused = await RawSocket.open(listen);
    await refused.closed;
    await silent.closed;
    const admin = engine.adminAddress ?? "";
    const operators = [await RawSocket.open(admin), await RawSocket.open(admin)];
    await (await RawSocket.open(admin)).closed;
    operators[0]?.close();
    await expect.poll(() => metricsAt(admin)).toMatch(/refused_total/);
    const text = await metricsAt(admin);
    for (const [metric, label, value] of [
      ["connections_refused_total", 'limit="connections_max"', 1],
      ["limits_reached_total", 'limit="handshake_timeout_ms"', 1],
      ["connections", 'port="clients"', 0],
      ["connections", 'port="operators"', 2],
    ]) {
      const line = text.split("\n").find((one) => {
        return one.startsWith(`d_engine_${metric}{`) && one.includes(String(label));
      });
      expect(line, `${metric} ${label}`).toMatch(new RegExp(` ${value}$`));
    }
    expect(text).toMatch(/connections_refused_total\{limit="admin_connections_max".*\} [1-9]/);
    operators[1]?.close();
  });

  it.runIf(hasOpenssl)("end a TLS handshake that stops half way", async () => {
    const base = temporaryDirectory();
    const authority = new Authority(base);
    const { certFile, keyFile } = authority.issue("node", "IP:127.0.0.1");
    const listen = `127.0.0.1:${await freePort()}`;
    const tls = { tlsCert: certFile, tlsKey: keyFile };
    const engine = await readyEngine({
      listen,
      ...tls,
      handshakeTimeoutMs: 200,
      adminListen: "127.0.0.1:0",
    });
    await using client = await connect([listen], { tls: { ca: authority.ca } });
    await client.put("k", "v");
    const half = await RawSocket.open(listen);
    // The head of a ClientHello, which announces 512 bytes that never come.
    half.send(Buffer.from("160301020001 0001fc0303".replaceAll(" ", ""), "hex"));
    await half.closed;
    // The one that came to its end is older, and still the same.
    await client.put("k", "w");
    const text = await metricsAt(engine.adminAddress ?? "");
    expect(text).toMatch(/limits_reached_total\{limit="handshake_timeout_ms".*\} 1\n/);
    expect(text).toMatch(/d_engine_connections\{port="clients".*\} 1\n/);
  });

  it.runIf(hasOpenssl)("do not make the end of a node wait for such a handshake", async () => {
    const base = temporaryDirectory();
    const { certFile, keyFile } = new Authority(base).issue("node", "IP:127.0.0.1");
    const listen = `127.0.0.1:${await freePort()}`;
    const engine = await readyEngine({ listen, tlsCert: certFile, tlsKey: keyFile });
    const half = await RawSocket.open(listen);
    half.send(Buffer.from("160301020001", "hex"));
    await connect([listen], { tls: { ca: readFileSync(certFile) }, readyTimeoutMs: 200 }).catch(
      String,
    );
    const since = performance.now();
    await engine.close();
    await half.closed;
    // Of the five seconds that calls under way are given.
    expect(performance.now() - since).toBeLessThan(3_000);
  });

  it.each([
    [{ requestBytesMax: 1024 * 1024 }, "requestBytesMax (1048576) must hold the largest command"],
    [{ connectionsMax: 10 }, "connectionsPerAddressMax (2048) is more than connectionsMax (10)"],
    [{ handshakeTimeoutMs: 0 }, "handshakeTimeoutMs must be an integer from 10 to 3600000"],
  ])("are checked at the start: %o", async (settings, told) => {
    await expect(readyEngine(settings)).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringContaining(told),
    });
  });
});
