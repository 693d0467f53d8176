// The switch below the button. It says what was asked for; the table follows when the server has answered.

import { partsOf, setAttribute, setText } from "../lib/dom.js";

const HINTS = {
  true: "You see every step.",
  false: "As in production: only outcomes.",
};

/** `onSwitch(enabled)` is called when a person switches. */
export function createTraceMode(root, { onSwitch }) {
  const parts = partsOf(root);
  let enabled = true;
  for (const part of [parts.switch, parts.label]) part.addEventListener("click", () => onSwitch(!enabled));

  return {
    update({ traceWanted }) {
      enabled = traceWanted;
      setAttribute(parts.switch, "aria-checked", String(enabled));
      setText(parts.hint, HINTS[enabled]);
    },
  };
}
