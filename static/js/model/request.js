// A request for sagas in which something shall go wrong, from the values of its form.

import { numberOf } from "./number.js";

/** `failures` empty means for ever; an undo has no `retryable`, as a compensation is always tried again. */
export function brokenRequest({ scenario, style, step, failures, retryable, error, undo, undoFailures, count }) {
  const words = error.trim() ? { error: error.trim() } : {};
  const faults = {};
  if (undo) faults[undo] = { action: "undo", failures: wholeOf(undoFailures), retryable: true, ...words };
  if (step) faults[step] = { failures: wholeOf(failures), retryable, ...words };
  return { scenario, style, count: numberOf(count), ...(step || undo ? { faults } : {}) };
}

function wholeOf(text) {
  return text.trim() === "" ? null : numberOf(text);
}
