import sortedBtree from "sorted-btree";

/** A B+tree whose `clone` is cheap: nodes are shared until one side writes to them. */
export type BTree<Key, Value> = sortedBtree.default<Key, Value>;

type BTreeClass = typeof sortedBtree.default;

// The package is CommonJS with a `default` export: for an ES module Node hands out its exports
// object, where bundlers and vitest hand out the class itself.
const imported: { readonly default?: BTreeClass } | BTreeClass = sortedBtree;

export const BTree: BTreeClass = (
  "default" in imported ? imported.default : imported
) as BTreeClass;
