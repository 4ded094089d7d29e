import type { SnapshotLabel } from "@d-engine/core";
import type { SimulatedNode } from "./simulated-node.js";

export interface PulledSnapshot {
  readonly label: SnapshotLabel;
  readonly content: Uint8Array;
}

/**
 * The newest snapshot of a node, read inside its process; `undefined` when that ends before, or
 * has none to give.
 */
export function pullSnapshot(source: SimulatedNode): Promise<PulledSnapshot | undefined> {
  return new Promise((resolve) => {
    const { process, driver } = source;
    if (process === undefined || driver === undefined) {
      resolve(undefined);
      return;
    }
    process.whenEnded(() => resolve(undefined));
    process.enter(() => {
      readNewest(driver).then(resolve, () => resolve(undefined));
    });
  });
}

async function readNewest(driver: NonNullable<SimulatedNode["driver"]>): Promise<PulledSnapshot> {
  const file = await driver.openSnapshot();
  try {
    return { label: file.label, content: await file.read(0, file.label.bytes) };
  } finally {
    await file.close();
  }
}
