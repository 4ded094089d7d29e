import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Authority, hasOpenssl } from "../../../server/test/certificates.js";
import { freePort } from "../../../server/test/free-port.js";
import { capture } from "../../test/captured-io.js";
import { engineIn, temporaryDirectory } from "../testing/engine-in.js";
import { runCli } from "./run-cli.js";

describe.skipIf(!hasOpenssl)("the commands, over TLS", () => {
  it("show a certificate, believe an authority, and name a file that is missing", async () => {
    const base = temporaryDirectory();
    const authority = new Authority(base);
    const { certFile, keyFile } = authority.issue("node-1", "DNS:node-1");
    const listen = `127.0.0.1:${await freePort()}`;
    const engine = await engineIn(join(base, "data"), {
      listen,
      tlsCert: certFile,
      tlsKey: keyFile,
      tlsCa: authority.caFile,
      tlsClientAuth: "require",
    });
    await engine.waitReady();
    const warned: string[] = [];
    const onWarning = (warning: Error): void => void warned.push(warning.message);
    process.on("warning", onWarning);
    const own = authority.issue("operator", "DNS:operator");
    const files = ["--ca", authority.caFile, "--cert", own.certFile, "--key", own.keyFile];
    const run = async (args: readonly string[], flags: readonly string[]) => {
      const io = capture();
      const code = await runCli([...args, "-e", listen, "-t", "1500", ...flags], io.io);
      return { code, ...io.result() };
    };
    const named = [...files, "--server-name", "node-1"];
    expect(await run(["put", "a", "1"], named)).toMatchObject({ code: 0, err: "" });
    for (const [args, out] of [
      [["get", "a"], "1"],
      [["status"], "leader"],
      [["member", "list"], "node 1 leads"],
      [["role", "add", "readers"], "role readers added"],
    ] as const) {
      const result = await run(args, named);
      expect(result, args.join(" ")).toMatchObject({ code: 0, err: "" });
      expect(result.out).toContain(out);
    }
    const elsewhere = await run(["member", "list"], files);
    expect(elsewhere.code).not.toBe(0);
    expect(elsewhere.err).toMatch(/^d-engine: [^\n]*--server-name[^\n]*\n$/);
    const missing = await run(["get", "a"], ["--ca", join(base, "nowhere.pem")]);
    expect(missing.err).toMatch(/^d-engine: cannot read --ca \S+nowhere\.pem: ENOENT\n$/);
    const half = await run(["get", "a"], ["--cert", own.certFile]);
    expect(half.err).toMatch(/^d-engine: [^\n]*tls\.cert and tls\.key go together[^\n]*\n$/);
    // By address, without a name: Node.js has nothing to say about that either.
    const byAddress = await run(["get", "a"], files);
    expect(byAddress.code).not.toBe(0);
    process.off("warning", onWarning);
    expect(warned).toEqual([]);
  });
});
