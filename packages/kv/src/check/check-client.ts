import type { WriteCommand } from "@d-engine/codec";
import { refuse } from "./check-sizes.js";

/**
 * Refuses what only the leader may propose (rule R14): otherwise clients could move the time, and
 * write in the name of others.
 */
export function checkClientCommand({ kind, stampMs, identity }: WriteCommand): void {
  if (identity !== undefined) {
    refuse("who writes a command is for the leader to set; send a token with the request");
  }
  if (stampMs !== undefined) refuse("the stamp of a command is for the leader to set; send none");
  if (kind === "auth") refuse("users and roles are changed through the AuthService");
  if (kind !== "expire" && kind !== "time") return;
  refuse(`a command of kind ${kind} is for the leader alone to propose`);
}
