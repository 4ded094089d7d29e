import { client, create, toBinary } from "@d-engine/proto";
import type { LocalNode, LocalNodeStatus } from "../../driver/local-node.js";
import type { StreamHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";

/** Streams the committed membership: the present one at once, then each that differs. */
export function watchMembership(node: LocalNode): StreamHandler {
  return (bytes, { send }) => {
    decodeRequest(client.WatchMembershipRequestSchema, bytes);
    let sentIndex = -1;
    const update = (): void => {
      const status = node.status();
      const { index } = status.configuration.logId;
      // A configuration takes effect before it commits; watchers hear of it when it is sure.
      if (index === sentIndex || index > status.commitIndex) return;
      sentIndex = index;
      send(toBinary(client.MembershipSnapshotSchema, snapshotOf(status)));
    };
    update();
    return { update };
  };
}

function snapshotOf({ configuration }: LocalNodeStatus): client.MembershipSnapshot {
  const idsOf = (voters: boolean): number[] =>
    configuration.members
      .filter((member) => (member.status === "active") === voters)
      .map((member) => member.id);
  return create(client.MembershipSnapshotSchema, {
    members: idsOf(true),
    learners: idsOf(false),
    committedIndex: BigInt(configuration.logId.index),
  });
}
