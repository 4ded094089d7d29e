import type { RoleKind } from "@d-engine/core";
import type { NodeState } from "../driver/lifecycle.js";

/** What a judgement of a node's health rests on. */
export interface HealthFacts {
  readonly state: NodeState;
  /** How long the disk has been at work on what it was given first. */
  readonly diskWaitMs: number;
  readonly role: RoleKind;
  readonly leaderId: number | undefined;
  readonly leaderReady: boolean;
}

export interface Health {
  /** Whether it should be left alone; one that is not should be started again. */
  readonly live: boolean;
  /** Whether callers should be sent to it. */
  readonly ready: boolean;
  /** Leads, and can serve. */
  readonly primary: boolean;
  /** Serves, and follows a leader. */
  readonly replica: boolean;
  /** Why it is not live or not ready, for people. */
  readonly reasons: readonly string[];
}

/** A sync that takes longer than this is taken for a disk that hangs. */
export const DISK_HANG_MS = 10_000;

/** A node whose event loop hangs does not come here: whoever asks is not answered in time. */
export function judgeHealth(facts: HealthFacts): Health {
  const { state, diskWaitMs, role, leaderId, leaderReady } = facts;
  const faults = [
    ...(state === "running" ? [] : [`the node is ${state}`]),
    ...(diskWaitMs < DISK_HANG_MS
      ? []
      : [`the disk has not finished a write for ${(diskWaitMs / 1000).toFixed(1)} s`]),
  ];
  const live = faults.length === 0;
  const leads = role === "leader";
  const serves = leads ? leaderReady : leaderId !== undefined;
  const reasons = serves ? faults : [...faults, whyNotServing(leads)];
  return {
    live,
    ready: live && serves,
    primary: live && leads && leaderReady,
    replica: live && !leads && leaderId !== undefined,
    reasons,
  };
}

function whyNotServing(leads: boolean): string {
  return leads ? "it leads, but cannot serve yet" : "it knows no leader";
}
