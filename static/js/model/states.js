// One line for every state there is: its word, its sign (a symbol of templates/dashboard/_icons.html) and its tone
// (a colour of static/css/tokens.css). Nothing else on the page needs to know a state.

export const SAGA_STATES = {
  running: { label: "running", icon: "busy", tone: "busy" },
  compensating: { label: "compensating", icon: "undo", tone: "undo" },
  completed: { label: "completed", icon: "check", tone: "good" },
  compensated: { label: "compensated", icon: "undone", tone: "undo" },
  stuck: { label: "stuck", icon: "alert", tone: "bad" },
};

export const STEP_STATES = {
  waiting: { label: "waiting", icon: "ring", tone: "idle" },
  "not reached": { label: "not reached", icon: "bar", tone: "idle" },
  received: { label: "received", icon: "busy", tone: "busy" },
  retrying: { label: "retrying", icon: "retry", tone: "warn" },
  done: { label: "done", icon: "check", tone: "good" },
  failed: { label: "failed", icon: "cross", tone: "bad" },
  undoing: { label: "undoing", icon: "undo", tone: "undo" },
  "undo failed": { label: "undo again", icon: "retry", tone: "warn" },
  stuck: { label: "stuck", icon: "alert", tone: "bad" },
  undone: { label: "undone", icon: "undone", tone: "undo" },
  refused: { label: "refused", icon: "barred", tone: "undo" },
};

// The two halves of a step in the drawing of a definition: doing it, and undoing it.
const HALF_STATES = {
  "to come": { label: "to come", icon: "ring", tone: "idle" },
  "not reached": { label: "not reached", icon: "bar", tone: "idle" },
  "not needed": { label: "not needed", icon: "bar", tone: "idle" },
  "nothing to undo": { label: "nothing to undo", icon: "bar", tone: "idle" },
  "under way": { label: "under way", icon: "busy", tone: "busy" },
  "trying again": { label: "trying again", icon: "retry", tone: "warn" },
  done: { label: "done", icon: "check", tone: "good" },
  failed: { label: "failed", icon: "cross", tone: "bad" },
  refused: { label: "refused", icon: "barred", tone: "undo" },
  undone: { label: "undone", icon: "undone", tone: "undo" },
  "undone in advance": { label: "undone in advance", icon: "undone", tone: "undo" },
  stuck: { label: "stuck", icon: "alert", tone: "bad" },
};

// What an event is in a saga.
const ROLES = {
  command: { label: "command", icon: "command", tone: "busy" },
  event: { label: "event", icon: "event", tone: "ahead" },
  reply: { label: "reply", icon: "reply", tone: "good" },
  work: { label: "work", icon: "work", tone: "idle" },
  end: { label: "end", icon: "flag", tone: "good" },
  trouble: { label: "trouble", icon: "alert", tone: "bad" },
};

export const SERVICE_STATES = {
  running: { label: "running", icon: "check", tone: "good" },
  starting: { label: "starting", icon: "busy", tone: "busy" },
  restarting: { label: "restarting", icon: "retry", tone: "warn" },
  stopping: { label: "stopping", icon: "busy", tone: "warn" },
  stopped: { label: "stopped", icon: "pause", tone: "warn" },
  failing: { label: "failing", icon: "alert", tone: "bad" },
  gone: { label: "gone", icon: "cross", tone: "bad" },
};

export const EVENT_KINDS = {
  started: { label: "started", icon: "flag", tone: "idle" },
  received: { label: "received", icon: "busy", tone: "busy" },
  retrying: { label: "retrying", icon: "retry", tone: "warn" },
  succeeded: { label: "succeeded", icon: "check", tone: "good" },
  failed: { label: "failed", icon: "cross", tone: "bad" },
  undoing: { label: "undoing", icon: "undo", tone: "undo" },
  undone: { label: "undone", icon: "undone", tone: "undo" },
  "undo failed": { label: "undo failed", icon: "retry", tone: "warn" },
  completed: { label: "completed", icon: "flag", tone: "good" },
  compensated: { label: "compensated", icon: "flag", tone: "undo" },
  stuck: { label: "stuck", icon: "alert", tone: "bad" },
  "dead-lettered": { label: "dead-lettered", icon: "alert", tone: "bad" },
};

/** The tables by the names that the server's pages use for them. */
export const LOOKS = { status: SAGA_STATES, half: HALF_STATES, kind: EVENT_KINDS, role: ROLES };

/** A state that this page has not learnt yet is shown by its own name. */
export function lookOf(states, name) {
  return Object.hasOwn(states, name) ? states[name] : { label: String(name), icon: "ring", tone: "idle" };
}
