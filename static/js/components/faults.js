// The dialog that sets what goes wrong at a service. One for all of them; it opens with what is on.

import { partsOf, setHidden, setText } from "../lib/dom.js";
import { attempt, sendJson } from "../lib/http.js";
import { faultsFrom, valuesOf } from "../model/faults.js";

/** Returns `open(service, steps)`. */
export function connectFaults(dialog, { dispatch }) {
  const parts = partsOf(dialog);
  const { elements } = parts.form;
  let name = null;
  let opened = 0;

  async function send(faults) {
    const now = opened;
    const change = async () => {
      const service = await sendJson("PATCH", `/api/services/${encodeURIComponent(name)}`, { faults });
      dispatch({ type: "service", service });
    };
    if (await attempt(parts.problem, change, { isWanted: () => now === opened })) dialog.close();
  }

  parts.form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(faultsFrom(read(elements)));
  });
  parts.clear.addEventListener("click", () => send({}));
  parts.close.addEventListener("click", () => dialog.close());
  // Whoever sets a number means the choice that it belongs to.
  elements.failNext.addEventListener("input", () => (elements.failing.value = "next"));
  elements.failPercent.addEventListener("input", () => (elements.failing.value = "rate"));

  return function open(service, steps) {
    name = service.name;
    opened += 1;
    setText(parts.service, name);
    setHidden(parts.problem, true);
    setHidden(parts.attempts, steps.length === 0);
    const options = steps.map((step) => new Option(step, step));
    elements.step.replaceChildren(new Option("any step", ""), ...options);
    write(elements, valuesOf(service));
    dialog.showModal();
  };
}

function read(elements) {
  const names = Object.keys(valuesOf({}));
  const values = Object.fromEntries(names.map((name) => [name, elements[name].value]));
  return { ...values, retryable: elements.retryable.checked };
}

function write(elements, values) {
  for (const [name, value] of Object.entries(values)) {
    if (name === "retryable") elements[name].checked = value;
    else elements[name].value = value;
  }
}
