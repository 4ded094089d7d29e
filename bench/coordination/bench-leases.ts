import { join } from "node:path";
import { type Expiry, withNode } from "./node-requests.js";

export interface LeasesOptions {
  readonly folder: string;
  readonly expiries: number;
  readonly watchers: number;
  readonly leases: number;
  readonly valueBytes: number;
  readonly callers: number;
  readonly progress: (line: string) => void;
}

export interface LeasesResult {
  readonly expiries: number;
  readonly watchers: number;
  readonly leases: number;
  readonly callers: number;
  /** On a node that has nothing else to do than the puts. */
  readonly alone: Expiry;
  /** With watchers of other keys and leases that are kept alive (scenario 70). */
  readonly beside: Expiry;
}

const keys = 10_000;

/** Many keys that end at the same moment, while puts go on. */
export async function benchLeases(options: LeasesOptions): Promise<LeasesResult> {
  const { folder, expiries, watchers, leases, callers, valueBytes, progress } = options;
  const measure = async (name: string, beside: boolean): Promise<Expiry> =>
    await withNode({ dataDir: join(folder, name), keys, valueBytes }, async (node) => {
      if (beside) {
        progress(`${watchers} watchers and ${leases} leases`);
        await node.ask({ kind: "watch", count: watchers, keys: "others" });
        await node.ask({ kind: "hold", leases });
      }
      progress(`${expiries} expiries at once, after as many to warm up`);
      await node.ask({ kind: "expire", callers, expiries });
      const { expiry } = await node.ask({ kind: "expire", callers, expiries });
      return expiry!;
    });
  const alone = await measure("alone", false);
  const beside = await measure("beside", true);
  return { expiries, watchers, leases, callers, alone, beside };
}
