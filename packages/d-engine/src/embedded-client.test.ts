import { describe, expect, it } from "vitest";
import { readyEngine } from "./testing/engine-in.js";

const levels = ["linearizable", "lease", "eventual"] as const;

describe("EmbeddedClient", () => {
  it("puts, reads, swaps, scans and deletes", async () => {
    const client = (await readyEngine()).client();
    expect(await client.put("a/1", "one")).toEqual({ revision: 1 });
    expect(await client.put("a/2", Uint8Array.of(0, 255))).toEqual({ revision: 2 });
    expect(await client.compareAndSwap("a/1", "two", "three")).toBe(false);
    expect(await client.compareAndSwap("a/1", "one", "uno")).toBe(true);
    expect(await client.compareAndSwap("b", undefined, "")).toBe(true);
    expect(await client.getString("b")).toBe("");
    expect(await client.compareAndSwap("b", undefined, "again")).toBe(false);
    const { entries, revision } = await client.scanPrefix("a/");
    expect(entries.map(({ key, value }) => [String(Buffer.from(key)), [...value]])).toEqual([
      ["a/1", [...Buffer.from("uno")]],
      ["a/2", [0, 255]],
    ]);
    expect(revision).toBe(4);
    expect(await client.delete("a/1")).toBe(true);
    expect(await client.delete("a/1")).toBe(false);
    expect(await client.getMulti(["a/1", "a/2"])).toEqual([undefined, Uint8Array.of(0, 255)]);
  });

  it.each(levels)("reads its own writes at level %s", async (consistency) => {
    const client = (await readyEngine()).client();
    for (const value of ["1", "2", "3"]) {
      await client.put("k", value);
      expect(await client.getString("k", { consistency })).toBe(value);
    }
  });

  it("hands out copies: writing to a result changes nothing", async () => {
    const client = (await readyEngine()).client();
    await client.put("k", "abc");
    const [scanned] = (await client.scanPrefix("k")).entries;
    const results = [
      await client.get("k"),
      client.getLocal("k"),
      (await client.getMulti(["k"]))[0],
      scanned?.value,
      scanned?.key,
    ];
    for (const bytes of results) bytes?.fill(0);
    expect(await client.getString("k")).toBe("abc");
  });

  it("copies arguments before it returns its promise", async () => {
    const client = (await readyEngine()).client();
    const key = Uint8Array.of(107);
    const value = Uint8Array.of(1, 2, 3);
    const write = client.put(key, value);
    value.fill(9);
    key.fill(9);
    await write;
    const asked = Uint8Array.of(107);
    const read = client.get(asked);
    asked.fill(9);
    expect(await read).toEqual(Uint8Array.of(1, 2, 3));
  });

  it.each([
    { name: "an empty key", call: { key: "", value: "v" } },
    { name: "an oversized key", call: { key: "k".repeat(4097), value: "v" } },
    { name: "an oversized value", call: { key: "k", value: "v".repeat(1024 * 1024 + 1) } },
    { name: "a key with a lone surrogate", call: { key: "\ud800", value: "v" } },
    { name: "a key of another type", call: { key: 7 as unknown as string, value: "v" } },
    { name: "a value of another type", call: { key: "k", value: null as unknown as string } },
    { name: "a TTL that is none", call: { key: "k", value: "v", ttlMs: -1 } },
  ])("refuses $name with INVALID_REQUEST, and the node serves on", async ({ call }) => {
    const client = (await readyEngine()).client();
    const { key, value, ...options } = call;
    await expect(client.put(key, value, options)).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      outcome: "rejected",
    });
    expect(await client.put("good", "v")).toEqual({ revision: 1 });
  });

  it.each([
    { name: "an empty key", key: "" },
    { name: "an oversized key", key: "k".repeat(4097) },
  ])("refuses to read $name, at every level and locally", async ({ key }) => {
    const client = (await readyEngine()).client();
    const invalid = { code: "INVALID_REQUEST" };
    for (const consistency of levels) {
      await expect(client.get(key, { consistency })).rejects.toMatchObject(invalid);
    }
    expect(() => client.getLocal(key)).toThrow(expect.objectContaining(invalid));
  });

  it("takes keys and values of any UTF-8 text, long ones too", async () => {
    const client = (await readyEngine()).client();
    const samples = ["é", "日本語", "😀", "a".repeat(4096), "x\u0000y", "ß".repeat(2048)];
    for (const sample of samples) {
      await client.put(sample, sample.repeat(3));
      expect(await client.getString(sample)).toBe(sample.repeat(3));
      expect(client.getLocal(sample)).toEqual(new Uint8Array(Buffer.from(sample.repeat(3))));
    }
  });

  it("closes alone: the engine serves on, its own calls in flight end", async () => {
    const engine = await readyEngine();
    const client = engine.client();
    const write = client.put("k", "v");
    await client.close();
    await client.close();
    expect(await write).toEqual({ revision: 1 });
    await expect(client.put("k", "w")).rejects.toMatchObject({ code: "CLOSED" });
    await expect(client.get("k")).rejects.toMatchObject({ code: "CLOSED" });
    await using other = engine.client();
    expect(await other.getString("k")).toBe("v");
  });

  it("may be closed while it closes", async () => {
    const client = (await readyEngine()).client();
    void client.put("k", "v");
    await Promise.all([client.close(), client.close()]);
  });
});
