/** Memory of this process that is in use. */
export interface Memory {
  readonly heapBytes: number;
  /** Outside of the heap. */
  readonly arrayBytes: number;
}

/** After all garbage is gone; the process runs with `--expose-gc`. */
export async function memoryInUse(): Promise<Memory> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("memory is measured with --expose-gc");
  // Memory outside of the heap is given back in a turn after the collection that frees it.
  for (let turn = 0; turn < 3; turn++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heapBytes: heapUsed, arrayBytes: arrayBuffers };
}
