import { join } from "node:path";
import { connectAdmin, connect as connectClient } from "@d-engine/client";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { Authority, hasOpenssl, type Issued } from "../../server/test/certificates.js";
import { freePort } from "../../server/test/free-port.js";
import type { EmbeddedEngine, EngineConfig } from "./embedded-engine.js";
import { engineIn, temporaryDirectory } from "./testing/engine-in.js";

const clusterSecret = "a secret of the cluster";
const times = { electionTimeoutMs: 300, heartbeatIntervalMs: 50 };

describe.skipIf(!hasOpenssl)("a cluster that speaks TLS", () => {
  it("grows, forwards, watches and is administered with certificates on both sides", async () => {
    const base = temporaryDirectory();
    const authority = new Authority(base);
    const own = (id: number) => authority.issue(`node-${id}`, "IP:127.0.0.1");
    const at: string[] = [];
    for (let id = 1; id <= 3; id += 1) at.push(`127.0.0.1:${await freePort()}`);
    const start = (id: number, config: Partial<EngineConfig>): Promise<EmbeddedEngine> => {
      const files = settingsOf(authority, own(id));
      const place = { nodeId: id, listen: at[id - 1]!, tlsClientAuth: "require" as const };
      return engineIn(join(base, `${id}`), {
        ...times,
        ...files,
        ...place,
        clusterSecret,
        ...config,
      });
    };
    const initialCluster = `1=${at[0]},2=${at[1]}`;
    const founders = await Promise.all([1, 2].map((id) => start(id, { initialCluster })));
    await founders[0]!.waitReady();
    // Joins, pulls, and forwards as a follower does.
    const third = await start(3, { join: at.slice(0, 2) });
    await third.waitReady();
    await third.client().put("from", "the third");
    await third.auth.addRole("readers");
    expect(
      (await third.admin.addMember({ id: 9, address: "127.0.0.1:9" })).version,
    ).toBeGreaterThan(0);
    await third.admin.removeMember(9);
    const known = authority.issue("client", "DNS:client");
    const tls = { ca: authority.ca, cert: known.cert, key: known.key };
    const client = await connectClient(at, { tls });
    const watch = client.watch("from", { fromRevision: 1 });
    expect((await watch.next()).value?.events[0]?.kind).toBe("put");
    await watch.return?.();
    expect(await client.getString("from", { consistency: "linearizable" })).toBe("the third");
    await client.close();
    await using admin = connectAdmin(at, { tls });
    expect((await admin.members()).members).toHaveLength(3);

    const wrong = new Authority(base, "other-ca");
    // With TLS 1.3 the node judges a certificate when the client is connected already.
    for (const { name, given, told } of [
      { name: "plaintext", given: false, told: "no node" },
      { name: "no certificate", given: { ca: authority.ca }, told: "no node" },
      { name: "another authority", given: { ...tls, ca: wrong.ca }, told: "(--ca)" },
      { name: "another host", given: { ...tls, serverName: "elsewhere" }, told: "(--server-name)" },
      {
        name: "a stranger's certificate",
        given: strangerOf(wrong, authority),
        told: "no node",
      },
    ]) {
      const refused = connectClient([at[0]!], { tls: given, readyTimeoutMs: 600 });
      await expect(refused, name).rejects.toMatchObject({
        code: "CLUSTER_UNAVAILABLE",
        message: expect.stringContaining(told),
      });
    }
  });
});

function settingsOf(authority: Authority, { certFile, keyFile }: Issued): Partial<EngineConfig> {
  return { tlsCert: certFile, tlsKey: keyFile, tlsCa: authority.caFile };
}

function strangerOf(wrong: Authority, right: Authority) {
  const { cert, key } = wrong.issue("stranger", "DNS:client");
  return { ca: right.ca, cert, key };
}

describe("the secret of a cluster", () => {
  it("keeps whoever does not know it from speaking as a peer, and from joining", async () => {
    const base = temporaryDirectory();
    const listen = `127.0.0.1:${await freePort()}`;
    const lines: string[] = [];
    const say = (line: string, fields?: object) => void lines.push(line, JSON.stringify(fields));
    const logger = { debug: say, info: say, warn: say, error: say };
    const engine = await engineIn(join(base, "1"), { ...times, listen, clusterSecret, logger });
    await engine.waitReady();
    // All that a member says of itself, but no proof.
    const metadata = new Metadata();
    metadata.set("x-d-engine-cluster-id", engine.identity.clusterId);
    metadata.set("x-d-engine-node-id", "2");
    metadata.set("x-d-engine-instance-id", "ab".repeat(16));
    metadata.set("x-d-engine-feature-level", "1");
    const client = new Client(listen, credentials.createInsecure());
    const { term } = engine.localNode.status();
    const details = await new Promise((resolve) => {
      client.makeUnaryRequest(
        "/d_engine.server.election.RaftElectionService/RequestVote",
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from("08ffffff0f1002", "hex"), // a far later term of node 2
        metadata,
        (error) => resolve(error),
      );
    });
    client.close();
    expect(details).toMatchObject({ code: 7, details: expect.stringContaining("no proof") });
    expect(engine.localNode.status().term).toBe(term);
    const place = { ...times, nodeId: 2, listen: `127.0.0.1:${await freePort()}`, join: listen };
    for (const secret of ["", "another secret of a cluster"]) {
      const joining = engineIn(join(base, "2"), { ...place, clusterSecret: secret });
      await expect(joining).rejects.toMatchObject({
        code: "PERMISSION_DENIED",
        message: expect.not.stringContaining("another secret of a cluster"),
      });
    }
    const second = await engineIn(join(base, "2"), { ...place, clusterSecret, logger });
    await second.waitReady();
    expect(second.identity.clusterId).toBe(engine.identity.clusterId);
    expect(lines).toContainEqual(expect.stringContaining("refused a peer"));
    expect(lines.join("\n")).not.toMatch(/secret of (?:a|the) cluster/);
  });
});
