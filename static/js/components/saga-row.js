// One row of the table. It is kept and used again for another saga when its own has left the screen.

import { cloneTemplate, partsOf, setAttribute, setData, setHidden, setSign, setText } from "../lib/dom.js";
import { lookOf, SAGA_STATES, STEP_STATES } from "../model/states.js";
import { count, duration, elapsedMs, resultWords } from "../model/words.js";

export function createSagaRow() {
  const element = cloneTemplate("saga");
  const parts = partsOf(element);
  const steps = [...element.querySelectorAll("[data-step-of]")].map((cell) => ({ cell, parts: partsOf(cell) }));
  let shown = null;

  return {
    element,
    /** `index` counts from 0 in the whole list; `isOpen`: its history stands below it. */
    update(saga, { index, isOpen, nowMs }) {
      setAttribute(element, "aria-rowindex", index + 2);
      setAttribute(parts.opener, "aria-expanded", isOpen);
      setData(element, "open", isOpen);
      if (saga === shown) return;
      shown = saga;
      drawSaga(element, parts, saga);
      for (const step of steps) drawStep(step, saga.steps?.find(({ service }) => service === step.cell.dataset.stepOf));
      setText(parts.elapsed, duration(elapsedMs(saga, nowMs)));
    },
    tick(nowMs) {
      if (shown && !shown.ended_at) setText(parts.elapsed, duration(elapsedMs(shown, nowMs)));
    },
  };
}

function drawSaga(element, parts, { saga_id, number, user, status, reason, finished, overtook, overtaken }) {
  setData(element, "sagaId", saga_id);
  setData(element, "status", status);
  setText(parts.number, String(number));
  setText(parts.name, user.name);
  setAttribute(parts.name, "title", user.name);
  setText(parts.department, user.department);
  setAttribute(parts.opener, "aria-label", `History of saga ${number}, ${user.name}`);
  setSign(parts.status, lookOf(SAGA_STATES, status));
  setAttribute(parts.status, "title", reason || null);
  setText(parts.finished, finished === null ? "" : count(finished));
  drawPassing(parts, { finished, overtook, overtaken });
}

function drawPassing(parts, { finished, overtook, overtaken }) {
  const inOrder = finished !== null && !overtook && !overtaken;
  tell(parts.overtook, overtook, "▲", "overtook");
  tell(parts.overtaken, overtaken, "▼", "overtaken");
  if (inOrder) setText(parts.overtook, "– in order");
  setHidden(parts.overtook, !inOrder && !overtook);
  setData(parts.overtook, "tone", inOrder ? "level" : "ahead");
}

// The number stands first, so that a narrow column can never cut it.
function tell(part, number, arrow, verb) {
  setText(part, number ? `${arrow} ${count(number)} ${verb}` : "");
  setHidden(part, !number);
}

function drawStep({ cell, parts }, step) {
  const status = step?.status ?? "waiting";
  setData(cell, "status", status);
  setSign(parts.sign, lookOf(STEP_STATES, status));
  const words = resultWords(step?.result) || (step?.attempts > 1 ? `attempt ${step.attempts}` : "");
  setText(parts.result, words);
  setAttribute(parts.result, "title", words || null);
}
