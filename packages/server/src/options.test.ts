import { describe, expect, it } from "vitest";
import { ENGINE_DEFAULTS, resolveSettings } from "./options.js";

describe("resolveSettings", () => {
  it("gives the defaults, sorted by who takes them, and frozen", () => {
    const settings = resolveSettings({});
    expect(settings.driver.defaultConsistency).toBe("linearizable");
    expect(settings.address).toBe(ENGINE_DEFAULTS.address);
    const { raft, driver, limits, storage, watch, security, ports } = settings;
    const flat = { ...raft, ...driver, ...limits, ...storage, ...watch, ...security, ...ports };
    const { address, nodeId, initialCluster, clusterToken, ...others } = ENGINE_DEFAULTS;
    const { join, joinAs: _, joinTimeoutMs: __, ...defaults } = others;
    expect(flat).toEqual(defaults);
    expect(settings.join).toBe(join);
    expect(settings).toMatchObject({ address, nodeId, initialCluster, clusterToken });
    expect([settings, ...Object.values(settings)].every(Object.isFrozen)).toBe(true);
  });

  it("takes an initial cluster as a record or as text", () => {
    const initialCluster = { 1: "a:1", 2: "b:2" };
    expect(resolveSettings({ initialCluster }).initialCluster).toEqual(initialCluster);
    expect(resolveSettings({ initialCluster: "1=a:1,2=b:2" }).initialCluster).toEqual(
      initialCluster,
    );
    expect(() => resolveSettings({ initialCluster: "nonsense" })).toThrow("not ID=HOST:PORT");
    expect(() => resolveSettings({ nodeId: 0 })).toThrow("nodeId must be an integer");
  });

  it("takes the nodes to join as a list or as text, and not beside an initial cluster", () => {
    const join = { endpoints: ["a:1", "b:2"], joinAs: "readOnly", timeoutMs: 9 };
    const how = { joinAs: "readOnly", joinTimeoutMs: 9 } as const;
    expect(resolveSettings({ join: "a:1,b:2", ...how }).join).toEqual(join);
    expect(resolveSettings({ join: ["a:1", "b:2"], ...how }).join).toEqual(join);
    const initialCluster = "1=a:1";
    expect(() => resolveSettings({ join: "a:1", initialCluster })).toThrow("exclude each other");
    expect(() => resolveSettings({ join: "" })).toThrow("is not an address");
    expect(() => resolveSettings({ joinAs: "active" as "readOnly" })).toThrow("joinAs must be one");
    expect(() => resolveSettings({ joinTimeoutMs: 0 })).toThrow("joinTimeoutMs must be a number");
  });

  it("takes a member that is undefined for absent", () => {
    expect(resolveSettings({ requestTimeoutMs: undefined })).toEqual(resolveSettings());
  });

  it("lets the lease follow the election timeout", () => {
    const { raft } = resolveSettings({ electionTimeoutMs: 3_000 });
    expect(raft.leaseDurationMs).toBeGreaterThan(2_000);
  });

  it("refuses segments that a permitted command does not fit into", () => {
    const tight = { segmentBytes: 1024 * 1024 };
    expect(() => resolveSettings(tight)).toThrow("segmentBytes (1048576) must hold the largest");
    expect(() => resolveSettings({ ...tight, valueBytesMax: 256 * 1024 })).not.toThrow();
  });

  it("names every bad field in one error", () => {
    const bad = {
      requestTimeoutMs: 0,
      pendingReadsMax: 1.5,
      defaultConsistency: "strong",
      electionTimeoutMs: 100,
      keyBytesMax: -1,
      segmentBytes: 1000,
      address: "nowhere",
      colour: "red",
    } as unknown as Parameters<typeof resolveSettings>[0];
    let message = "";
    try {
      resolveSettings(bad);
    } catch (error) {
      expect(error).toMatchObject({ code: "INVALID_REQUEST" });
      message = String(error);
    }
    for (const name of Object.keys(bad ?? {})) expect(message).toContain(name);
  });

  it("wants a log that can shrink at its bound: by a snapshot, in whole segments", () => {
    const tail = { logTailBytes: 1_000_000, snapshotLogBytes: 2_000_000, segmentBytes: 4_194_304 };
    const least = 3_000_000 + 4 * 4_194_304;
    expect(() => resolveSettings({ ...tail, logBytesMax: least - 1 })).toThrow(
      `logBytesMax (${least - 1}) must be at least logTailBytes + snapshotLogBytes + 4 segments`,
    );
    expect(resolveSettings({ ...tail, logBytesMax: least }).driver.logBytesMax).toBe(least);
  });
});
