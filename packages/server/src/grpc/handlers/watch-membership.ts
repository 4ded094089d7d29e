import type { MembershipConfiguration } from "@d-engine/core";
import { client, create, toBinary } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import { membershipSnapshotOf } from "../../driver/membership-source.js";
import type { StreamHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";

/**
 * Streams the committed members, on every role: the present ones at once, then each change as it
 * is applied here, in order.
 */
export function watchMembership({ membership, auth }: LocalNode): StreamHandler {
  return (bytes, { caller, send, during }) => {
    auth.checkUser(caller);
    decodeRequest(client.WatchMembershipRequestSchema, bytes);
    const tell = (configuration: MembershipConfiguration): void =>
      send(toBinary(client.MembershipSnapshotSchema, messageOf(configuration)));
    tell(membership.configuration);
    const closed = membership.subscribe((configuration) => during(() => tell(configuration)));
    return { closed };
  };
}

function messageOf(configuration: MembershipConfiguration): client.MembershipSnapshot {
  const { members, learners, committedIndex } = membershipSnapshotOf(configuration);
  return create(client.MembershipSnapshotSchema, {
    members: [...members],
    learners: [...learners],
    committedIndex: BigInt(committedIndex),
  });
}
