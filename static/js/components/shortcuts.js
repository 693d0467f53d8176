// Single keys, for whoever stands at the projector. They are off while somebody types or a dialog is open.

/** `actions` maps a key to what it does. */
export function connectShortcuts(actions) {
  document.addEventListener("keydown", (event) => {
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : null;
    if (!action || isTaken(event)) return;
    event.preventDefault();
    action();
  });
}

function isTaken({ target, ctrlKey, metaKey, altKey, repeat }) {
  const isTyping = target.closest?.("input:not([type=radio]), textarea, select, [contenteditable]");
  return ctrlKey || metaKey || altKey || repeat || Boolean(isTyping) || document.querySelector("dialog[open]") !== null;
}
