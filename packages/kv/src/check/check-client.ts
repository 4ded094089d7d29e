import type { WriteCommand } from "@d-engine/codec";
import { refuse } from "./check-sizes.js";

/** Refuses what only the leader may propose (rule R14): otherwise clients could move the time. */
export function checkClientCommand({ kind, stampMs }: WriteCommand): void {
  if (stampMs !== undefined) refuse("the stamp of a command is for the leader to set; send none");
  if (kind !== "expire" && kind !== "time") return;
  refuse(`a command of kind ${kind} is for the leader alone to propose`);
}
