import type { FuzzTarget } from "./target.js";
import { codecTargets, configurationTarget } from "./targets/codec.js";
import { configTargets } from "./targets/config.js";
import { identityTargets } from "./targets/identity.js";
import { kvTarget } from "./targets/kv.js";
import { messageTargets } from "./targets/messages.js";
import { peerTargets } from "./targets/peers.js";
import { portTargets } from "./targets/ports.js";
import { raftTarget } from "./targets/raft.js";
import { snapshotTargets } from "./targets/snapshots.js";
import { storageTargets } from "./targets/storage.js";

/** One target for each decoder that meets bytes from outside, or from a disk. */
export const EVERY_TARGET: readonly FuzzTarget[] = [
  ...codecTargets,
  configurationTarget,
  ...messageTargets,
  kvTarget,
  ...peerTargets,
  raftTarget,
  ...storageTargets,
  ...snapshotTargets,
  ...configTargets,
  ...identityTargets,
  ...portTargets,
];
