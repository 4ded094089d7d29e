/** I12: nodes that applied the same entries have the same state, by its hash. */
export class EqualStates {
  readonly #hashes = new Map<number, { readonly hash: string; readonly nodeId: number }>();

  /** Compares with every other node that was seen with this applied index. */
  check(nodeId: number, appliedIndex: number, hash: string): string | undefined {
    const other = this.#hashes.get(appliedIndex);
    if (other === undefined) this.#hashes.set(appliedIndex, { hash, nodeId });
    else if (other.hash !== hash) {
      return (
        `nodes ${other.nodeId} and ${nodeId} have different states at applied index ` +
        `${appliedIndex}: ${other.hash} and ${hash}`
      );
    }
    return undefined;
  }
}
