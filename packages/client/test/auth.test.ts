import { connect, type WatchEvent } from "@d-engine/client";
import type { AuthCommand } from "@d-engine/codec";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Attempts } from "../../server/src/auth/attempts.js";
import { hashPassword } from "../../server/src/auth/password.js";
import { newLastingToken } from "../../server/src/auth/token.js";
import { startGrpcServer } from "../../server/src/grpc/index.js";
import { addUsers, authChange, type GivenChange } from "../../server/test/auth-changes.js";
import { type KvServer, startKvServer } from "./kv-server.js";

const password = "correct horse";

let server: KvServer;

beforeEach(async () => {
  server = await startKvServer();
  await server.node.read([], { consistency: "linearizable" });
  await change("addUser", { user: "first" });
  await change("deleteUser", { user: "first" });
  await addUsers(server.node.auth);
  await change("setPassword", { user: "alice", secret: await hashPassword(password) });
});

afterEach(() => server[Symbol.asyncDispose]());

function change(kind: AuthCommand["change"], given: GivenChange = {}): Promise<unknown> {
  return server.node.auth.change(authChange(kind, given));
}

const alice = { user: "alice", password };

function textOf(event: WatchEvent): string {
  return event.kind === "put" ? new TextDecoder().decode(event.record.value) : "";
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => "done",
    (error: { code?: string }) => error.code ?? String(error),
  );
}

describe("a client that says who it is", () => {
  it.each([true, false])(
    "is served what it may have, and nothing else (sessions: %s)",
    async (session) => {
      await change("enable");
      await using client = await connect([server.address], { ...alice, session });
      await client.put("k1", "v");
      expect(await client.getString("k1")).toBe("v");
      expect((await client.range({ prefix: "k" })).entries).toHaveLength(1);
      expect(await codeOf(client.put("z", "v"))).toBe("PERMISSION_DENIED");
      expect(await codeOf(client.get("z"))).toBe("PERMISSION_DENIED");
      expect(await codeOf(client.scanPrefix(""))).toBe("PERMISSION_DENIED");
      await using nobody = await connect([server.address], { session });
      expect(await codeOf(nobody.put("k1", "w"))).toBe("UNAUTHENTICATED");
      expect(await client.getString("k1")).toBe("v");
    },
  );

  it("is told of a wrong password by connect, and of nothing where nobody is asked for", async () => {
    const wrong = { user: "alice", password: "guess" };
    const unknown = { user: "mallory", password };
    await using early = await connect([server.address], wrong);
    await early.put("k", "v");
    await change("enable");
    expect(await codeOf(connect([server.address], wrong))).toBe("UNAUTHENTICATED");
    expect(await codeOf(connect([server.address], unknown))).toBe("UNAUTHENTICATED");
    expect(await codeOf(early.put("k", "v"))).toBe("UNAUTHENTICATED");
  });

  it("does not lock a user out by calling again and again with a wrong password", async () => {
    const attempts = new Attempts(() => 0);
    await server.server.close();
    const parts = { node: server.node, listen: server.address, attempts };
    await using guarded = await startGrpcServer(parts);
    await using client = await connect([guarded.address], { user: "alice", password: "old" });
    await change("enable");
    for (let i = 0; i < 30; i++) expect(await codeOf(client.put("k", "v"))).toBe("UNAUTHENTICATED");
    expect(attempts.metrics().authFailed).toBeLessThan(10);
    await using other = await connect([guarded.address], alice);
    await other.put("k", "v");
  });

  it("refuses halves of what it needs, without naming what is secret", async () => {
    for (const bad of [
      { user: "a" },
      { password },
      { user: "a", password, token: "t" },
      { token: "ü" },
    ]) {
      const error = await connect([server.address], bad).catch((thrown: Error) => thrown);
      expect(error).toMatchObject({ code: "INVALID_REQUEST" });
      expect(String(error)).not.toContain(password);
    }
  });

  it.each([true, false])(
    "goes on when users begin to be asked for, and when its token ends (sessions: %s)",
    async (session) => {
      await using client = await connect([server.address], { ...alice, session });
      await client.put("k", "1");
      const watch = client.watch({ prefix: "k" });
      const values: string[] = [];
      const read = (async () => {
        for await (const { events } of watch) {
          for (const event of events) values.push(textOf(event));
          if (values.length === 2) break;
        }
      })();
      await watch.ready();
      await change("enable");
      await client.put("k", "2");
      // Whatever was authenticated before is nobody now.
      await change("setPassword", { user: "alice", secret: await hashPassword(password) });
      await client.put("k", "3");
      expect(await client.getString("k")).toBe("3");
      await read;
      expect(values).toEqual(["2", "3"]);
    },
  );

  it("loses a watch and its writes with the right to them", async () => {
    await change("enable");
    await using client = await connect([server.address], alice);
    const watch = client.watch({ prefix: "k" });
    await watch.ready();
    const next = watch.next();
    await change("revokeRole", { user: "alice", role: "team" });
    expect(await codeOf(next)).toBe("PERMISSION_DENIED");
    expect(await codeOf(client.put("k", "v"))).toBe("PERMISSION_DENIED");
    expect(server.node.store.get(new TextEncoder().encode("k"))).toBeUndefined();
  });

  it("may be a program with a token that lasts until it is deleted", async () => {
    const { token, hash } = newLastingToken("alice", "ci");
    await change("addToken", { user: "alice", token: "ci", secret: hash });
    await change("enable");
    await using client = await connect([server.address], { token });
    await client.put("k", "v");
    await change("deleteToken", { user: "alice", token: "ci" });
    expect(await codeOf(client.put("k", "w"))).toBe("UNAUTHENTICATED");
    const error = await client.put("k", "w").catch((thrown: Error) => thrown);
    expect(String(error)).not.toContain(token.slice(-10));
  });
});
