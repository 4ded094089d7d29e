import { authMutations } from "./auth-mutations.js";
import { configMutations } from "./config-mutations.js";
import { coordinationMutations } from "./coordination-mutations.js";
import { coreMutations } from "./core-mutations.js";
import { growthMutations } from "./growth-mutations.js";
import { limitMutations } from "./limit-mutations.js";
import type { Mutation } from "./mutation.js";
import { nodeMutations } from "./node-mutations.js";
import { readMutations } from "./read-mutations.js";
import { storageMutations } from "./storage-mutations.js";

/** Every deliberate bug, in the order of the report. */
export const MUTATIONS: readonly Mutation[] = [
  ...coreMutations,
  ...readMutations,
  ...storageMutations,
  ...nodeMutations,
  ...growthMutations,
  ...configMutations,
  ...coordinationMutations,
  ...authMutations,
  ...limitMutations,
];
