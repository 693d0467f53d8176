// The help dialog, with the signs drawn from the same table as the rows.

import { cloneTemplate, partsOf, setSign } from "../lib/dom.js";
import { lookOf, STEP_STATES } from "../model/states.js";

export function connectHelp(dialog) {
  const { legend } = partsOf(dialog);
  for (const state of Object.keys(STEP_STATES)) legend.append(drawState(state));
  document.querySelector("[data-opens-help]").addEventListener("click", () => dialog.showModal());
}

function drawState(state) {
  const item = cloneTemplate("legend");
  setSign(partsOf(item).sign, lookOf(STEP_STATES, state));
  return item;
}
