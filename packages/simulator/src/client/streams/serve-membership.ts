import type { MembershipSnapshot } from "@d-engine/client";
import { type KvNode, membershipSnapshotOf } from "@d-engine/server/driver";
import type { NodeEnd, NodeLink } from "./network-stream.js";

/** The members as this node has applied them, now and whenever they change. */
export function serveMembership(
  { membership }: KvNode,
  link: NodeLink<MembershipSnapshot>,
): NodeEnd<never> {
  const unsubscribe = membership.subscribe((configuration) =>
    link.send(membershipSnapshotOf(configuration)),
  );
  link.send(membershipSnapshotOf(membership.configuration));
  return { receive: () => undefined, closed: unsubscribe };
}
