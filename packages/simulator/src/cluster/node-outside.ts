import { isEngineError } from "@d-engine/core";

/** Where the node of a machine listens, whoever it is. */
export function addressOf(id: number): string {
  return `node-${id}:9081`;
}

/** Whether a fault of the run explains why the node stopped, or did not start. */
export function isInjected(failure: unknown): boolean {
  if (isEngineError(failure, "DISK_FULL")) return true;
  return isEngineError(failure, "STORAGE_IO_ERROR") && failure.message.includes("EIO");
}
