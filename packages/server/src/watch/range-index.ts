/**
 * Items by the ranges of keys that they stand for: an interval tree, that is an AVL tree of ranges in
 * the order of their beginnings, each node with the furthest end below it.
 *
 * Adding and removing cost O(log n) for n different ranges. Finding the m ranges that hold a key
 * costs O(log n) if there is none and O((m + 1) log n) at worst: below a node that ends beyond the
 * key, only the path to that end has to be searched in vain.
 */
export class RangeIndex<T> {
  #root: Node<T> | undefined;

  get isEmpty(): boolean {
    return this.#root === undefined;
  }

  add(from: string, to: string, item: T): void {
    this.#root = inserted(this.#root, from, to, item);
  }

  /** Takes out an item that was added with this range. */
  remove(from: string, to: string, item: T): void {
    this.#root = removed(this.#root, from, to, item);
  }

  /** Visits the items whose range holds `key`. The index must not change meanwhile. */
  visit(key: string, visit: (item: T) => void): void {
    visitFrom(this.#root, key, visit);
  }
}

interface Node<T> {
  readonly from: string;
  readonly to: string;
  readonly items: Set<T>;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
  /** Invariant: the greatest `to` of the node and all below it. */
  furthest: string;
  /** Invariant: the heights of both sides differ by one at most. */
  height: number;
}

function visitFrom<T>(node: Node<T> | undefined, key: string, visit: (item: T) => void): void {
  if (node === undefined || node.furthest <= key) return;
  visitFrom(node.left, key, visit);
  // What begins after the key is to the right of whatever does.
  if (node.from > key) return;
  if (key < node.to) for (const item of node.items) visit(item);
  visitFrom(node.right, key, visit);
}

function inserted<T>(node: Node<T> | undefined, from: string, to: string, item: T): Node<T> {
  if (node === undefined) return leaf(from, to, new Set([item]));
  const order = compare(from, to, node);
  if (order === 0) {
    node.items.add(item);
    return node;
  }
  if (order < 0) node.left = inserted(node.left, from, to, item);
  else node.right = inserted(node.right, from, to, item);
  return balanced(node);
}

function removed<T>(
  node: Node<T> | undefined,
  from: string,
  to: string,
  item: T,
): Node<T> | undefined {
  if (node === undefined) return undefined;
  const order = compare(from, to, node);
  if (order < 0) node.left = removed(node.left, from, to, item);
  else if (order > 0) node.right = removed(node.right, from, to, item);
  else {
    node.items.delete(item);
    if (node.items.size === 0) return joined(node.left, node.right);
  }
  return balanced(node);
}

/** One tree of both, in which all of `left` comes first. */
function joined<T>(left: Node<T> | undefined, right: Node<T> | undefined): Node<T> | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  let first = right;
  while (first.left !== undefined) first = first.left;
  const root = leaf(first.from, first.to, first.items);
  root.left = left;
  root.right = withoutFirst(right);
  return balanced(root);
}

function withoutFirst<T>(node: Node<T>): Node<T> | undefined {
  if (node.left === undefined) return node.right;
  node.left = withoutFirst(node.left);
  return balanced(node);
}

function leaf<T>(from: string, to: string, items: Set<T>): Node<T> {
  return { from, to, items, left: undefined, right: undefined, furthest: to, height: 1 };
}

function compare<T>(from: string, to: string, node: Node<T>): number {
  if (from !== node.from) return from < node.from ? -1 : 1;
  return to < node.to ? -1 : to > node.to ? 1 : 0;
}

function balanced<T>(node: Node<T>): Node<T> {
  const lean = heightOf(node.left) - heightOf(node.right);
  if (lean > 1 && node.left !== undefined) {
    if (heightOf(node.left.left) < heightOf(node.left.right)) node.left = turnedLeft(node.left);
    return turnedRight(node);
  }
  if (lean < -1 && node.right !== undefined) {
    if (heightOf(node.right.right) < heightOf(node.right.left)) {
      node.right = turnedRight(node.right);
    }
    return turnedLeft(node);
  }
  return summed(node);
}

function turnedRight<T>(node: Node<T>): Node<T> {
  const root = node.left as Node<T>;
  node.left = root.right;
  root.right = summed(node);
  return summed(root);
}

function turnedLeft<T>(node: Node<T>): Node<T> {
  const root = node.right as Node<T>;
  node.right = root.left;
  root.left = summed(node);
  return summed(root);
}

function summed<T>(node: Node<T>): Node<T> {
  const { left, right } = node;
  node.height = 1 + Math.max(heightOf(left), heightOf(right));
  node.furthest = node.to;
  if (left !== undefined && left.furthest > node.furthest) node.furthest = left.furthest;
  if (right !== undefined && right.furthest > node.furthest) node.furthest = right.furthest;
  return node;
}

function heightOf<T>(node: Node<T> | undefined): number {
  return node === undefined ? 0 : node.height;
}
