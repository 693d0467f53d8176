// What a row tells of its steps: which attempt it is, what a step gave or why it failed, and what was undone.

import { countdown, resultWords } from "./words.js";

const UNDO_STATES = new Set(["undoing", "undo failed", "stuck", "undone", "refused"]);

/** Which attempt it is, once there was more than one. */
export function attemptWords({ status, attempts, undo_attempts: undoAttempts }) {
  const number = UNDO_STATES.has(status) ? undoAttempts : attempts;
  return number > 1 ? `attempt ${number}` : "";
}

/** Where a step is: one that still waits when its saga ends is never reached. */
export function standingOf({ status }, { ended_at: endedAt }) {
  return status === "waiting" && endedAt ? "not reached" : status;
}

/** What there is to say of a step besides its status. */
export function saidWords(step) {
  return step?.error ?? resultWords(step?.result);
}

/** The status in a word; while it waits for its next attempt, how long that is still. */
export function statusWords({ status, next_attempt_at: nextAt }, label, nowMs) {
  if (!nextAt) return label;
  return `${status === "retrying" ? "retry" : "undo"} ${countdown(nextAt, nowMs)}`;
}

/** Exactly what was undone, the last step first. Without steps (Trace Mode is off) nothing is known of it. */
export function undoneWords({ status, steps }) {
  if (!steps || !["compensating", "compensated", "stuck"].includes(status)) return "";
  const undone = steps.filter((step) => step.status === "undone").map(({ name }) => name).reverse();
  if (undone.length > 0) return `undone: ${undone.join(", ")}`;
  return status === "compensated" ? "nothing had to be undone" : "";
}
