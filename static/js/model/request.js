// A request for sagas in which something shall go wrong, from the values of its form.

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

function numberOf(text) {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}
