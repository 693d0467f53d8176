// Single keys, for whoever stands at the projector. They are off while somebody types or a dialog is open, and for whoever
// wants none: who speaks to the machine, say, or whose hand trembles.

import { recall, remember } from "../lib/preferences.js";

/** `tick` is the box that switches them off; this browser remembers it. `actions` maps a key to what it does. */
export function connectShortcuts(tick, actions) {
  tick.checked = recall("shortcuts", true);
  tick.addEventListener("change", () => remember("shortcuts", tick.checked));
  document.addEventListener("keydown", (event) => {
    const action = tick.checked && Object.hasOwn(actions, event.key) ? actions[event.key] : null;
    if (!action || isTaken(event)) return;
    event.preventDefault();
    action();
  });
}

function isTaken({ target, ctrlKey, metaKey, altKey, repeat }) {
  const isTyping = target.closest?.("input:not([type=radio]), textarea, select, [contenteditable]");
  return ctrlKey || metaKey || altKey || repeat || Boolean(isTyping) || document.querySelector("dialog[open]") !== null;
}
