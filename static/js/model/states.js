// One line for every state there is: its word, its sign (a symbol of templates/dashboard/_icons.html) and its tone
// (a colour of static/css/tokens.css). Nothing else on the page needs to know a state.

export const SAGA_STATES = {
  running: { label: "running", icon: "busy", tone: "busy" },
  compensating: { label: "undoing", icon: "undo", tone: "undo" },
  completed: { label: "completed", icon: "check", tone: "good" },
  compensated: { label: "undone", icon: "undone", tone: "undo" },
  stuck: { label: "stuck", icon: "alert", tone: "bad" },
};

export const STEP_STATES = {
  waiting: { label: "waiting", icon: "ring", tone: "idle" },
  received: { label: "received", icon: "busy", tone: "busy" },
  retrying: { label: "retrying", icon: "retry", tone: "warn" },
  done: { label: "done", icon: "check", tone: "good" },
  failed: { label: "failed", icon: "cross", tone: "bad" },
  undoing: { label: "undoing", icon: "undo", tone: "undo" },
  undone: { label: "undone", icon: "undone", tone: "undo" },
};

export const SERVICE_STATES = {
  running: { label: "running", icon: "check", tone: "good" },
  starting: { label: "starting", icon: "busy", tone: "busy" },
  restarting: { label: "restarting", icon: "retry", tone: "warn" },
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
  "undo failed": { label: "undo failed", icon: "alert", tone: "bad" },
  completed: { label: "completed", icon: "flag", tone: "good" },
  compensated: { label: "compensated", icon: "flag", tone: "undo" },
  stuck: { label: "stuck", icon: "alert", tone: "bad" },
  "dead-lettered": { label: "dead-lettered", icon: "alert", tone: "bad" },
};

/** A state that this page has not learnt yet is shown by its own name. */
export function lookOf(states, name) {
  return Object.hasOwn(states, name) ? states[name] : { label: String(name), icon: "ring", tone: "idle" };
}
