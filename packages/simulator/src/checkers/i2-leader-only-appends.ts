import type { NodeMirror } from "./node-mirror.js";
import type { Checker } from "./witness.js";

/** I2: a leader never overwrites or deletes entries of its own log (paper §5.3). */
export function leaderOnlyAppends(): Checker {
  const roles = new Map<NodeMirror, string>();
  return {
    rule: "I2",
    stepped(mirror, status) {
      roles.set(mirror, `${status.role} ${status.term}`);
      return undefined;
    },
    recovered(mirror) {
      roles.delete(mirror);
      return undefined;
    },
    writing(mirror, write) {
      const first = write.entries[0];
      if (first === undefined || first.index > mirror.written.lastIndex) return undefined;
      const role = roles.get(mirror);
      // A leader that learns of a later term in this very step has stopped leading before it.
      const term = write.hardState?.term ?? mirror.written.hardState?.term;
      if (role !== `leader ${term}`) return undefined;
      return `overwrites entry ${first.index} of ${mirror.written.lastIndex} as ${role}`;
    },
  };
}
