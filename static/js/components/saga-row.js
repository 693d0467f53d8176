// One row of the table. It is kept and used again for another saga when its own has left the screen.

import { cloneTemplate, partsOf, setAttribute, setData, setHidden, setName, setSign, setText } from "../lib/dom.js";
import { lookOf, SAGA_STATES, STEP_STATES } from "../model/states.js";
import { attemptWords, saidWords, standingOf, statusWords, undoneWords } from "../model/steps.js";
import { count, duration, elapsedMs } from "../model/words.js";

export function createSagaRow() {
  const element = cloneTemplate("saga");
  const parts = partsOf(element);
  const steps = [...element.querySelectorAll("[data-step]")].map((cell) => ({ cell, parts: partsOf(cell) }));
  let shown = null;

  function drawSteps(saga, nowMs) {
    steps.forEach((step, place) => drawStep(step, saga.steps?.[place], { saga, nowMs }));
  }

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
      drawSteps(saga, nowMs);
      setText(parts.elapsed, duration(elapsedMs(saga, nowMs)));
    },
    tick(nowMs) {
      if (!shown || shown.ended_at) return;
      setText(parts.elapsed, duration(elapsedMs(shown, nowMs)));
      for (const [place, step] of (shown.steps ?? []).entries()) {
        if (step.next_attempt_at) drawStatus(steps[place].parts.sign, step, nowMs);
      }
    },
  };
}

function drawSaga(element, parts, saga) {
  const { saga_id: id, number, user, status, reason, scenario, style } = saga;
  setData(element, "sagaId", id);
  setData(element, "status", status);
  setText(parts.number, String(number));
  setAttribute(parts.number, "href", `/sagas/${encodeURIComponent(id)}`);
  setAttribute(parts.number, "aria-label", `Open the page of saga ${number}`);
  setName(parts.name, user.name);
  setAttribute(parts.name, "title", user.name);
  setName(parts.department, user.department);
  setText(parts.scenario, scenario);
  setText(parts.style, style);
  setAttribute(parts.opener, "aria-label", `Open the events of saga ${number} here`);
  setSign(parts.status, lookOf(SAGA_STATES, status));
  tell(parts.undone, undoneWords(saga));
  tell(parts.reason, reason ?? "");
  setText(parts.finished, saga.finished === null ? "" : `finished ${count(saga.finished)}`);
  drawPassing(parts, saga);
}

function drawPassing(parts, { finished, overtook, overtaken }) {
  const inOrder = finished !== null && !overtook && !overtaken;
  tellPassing(parts.overtook, overtook, "▲", "overtook");
  tellPassing(parts.overtaken, overtaken, "▼", "overtaken");
  if (inOrder) setText(parts.overtook, "– in order");
  setHidden(parts.overtook, !inOrder && !overtook);
  setData(parts.overtook, "tone", inOrder ? "level" : "ahead");
}

// The number stands first, so that a narrow column can never cut it.
function tellPassing(part, number, arrow, verb) {
  setText(part, number ? `${arrow} ${count(number)} ${verb}` : "");
  setHidden(part, !number);
}

function drawStep({ cell, parts }, step = { status: "waiting" }, { saga, nowMs }) {
  setData(cell, "status", step.status);
  setText(parts.step, step.name ?? "");
  setText(parts.attempt, attemptWords(step));
  drawStatus(parts.sign, { ...step, status: standingOf(step, saga) }, nowMs);
  tell(parts.said, saidWords(step));
}

function drawStatus(sign, step, nowMs) {
  const look = lookOf(STEP_STATES, step.status);
  setSign(sign, { ...look, label: statusWords(step, look.label, nowMs) });
}

// A narrow column cuts what is long; the whole of it is there for a pointer, and in the history.
function tell(part, words) {
  setText(part, words);
  setAttribute(part, "title", words || null);
}
