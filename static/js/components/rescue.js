// Retry, roll back, resolve by hand: the buttons that make sense for one saga, and what the server said to them.

import { arrangeChildren, keepFocusNear, partsOf, setHidden, setText } from "../lib/dom.js";
import { attempt, sendJson } from "../lib/http.js";
import { rescuesOf } from "../model/rescue.js";
import { lockIfLocked } from "./instructor.js";

const ASKED = { retry: "A retry is on its way.", "roll-back": "The roll-back is on its way.", resolution: "Noted." };

/** `onAsked()` is called when the server has taken a wish. */
export function createRescue(root, { onAsked = () => {} } = {}) {
  const parts = partsOf(root);
  const buttons = [...root.querySelectorAll("[data-action]")];
  const resolvers = new Map();
  let saga = null;

  for (const button of buttons) button.addEventListener("click", () => ask(button.dataset.action));

  async function ask(action, body) {
    const { saga_id: id } = saga;
    const isWanted = () => saga?.saga_id === id;
    setText(parts.accepted, "");
    const url = `/api/sagas/${encodeURIComponent(id)}/${action}`;
    if (!await attempt(parts.refused, () => sendJson("POST", url, body), { isWanted })) return;
    setText(parts.accepted, ASKED[action]);
    onAsked();
  }

  function createResolver(step) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.textContent = `Mark “${step}” as undone by hand`;
    button.addEventListener("click", () => ask("resolution", { step }));
    lockIfLocked(button);
    return button;
  }

  return {
    update(next) {
      if (next === saga) return;
      const isAnother = next?.saga_id !== saga?.saga_id;
      const isStuckAgain = next?.status === "stuck" && saga?.status !== "stuck";
      if (isAnother) removeResolvers();
      if (isAnother || isStuckAgain) forgetWords();
      saga = next;
      keepFocusNear(root, draw);
    },
  };

  function draw() {
    const can = saga ? rescuesOf(saga) : { resolve: [] };
    for (const button of buttons) setHidden(button, !can[button.dataset.action]);
    drawResolvers(can.resolve);
    const isDone = !can.retry && !can["roll-back"] && can.resolve.length === 0;
    // What was said to a click can be read as long as the saga is under way.
    setHidden(root, isDone && (!saga || Boolean(saga.ended_at) || parts.accepted.textContent === ""));
  }

  // They stay where they are as long as their saga is shown: a second click must not vouch for another step.
  function drawResolvers(steps) {
    for (const step of steps) if (!resolvers.has(step)) resolvers.set(step, createResolver(step));
    for (const [step, button] of resolvers) button.disabled = !steps.includes(step);
    arrangeChildren(parts.resolve, [...resolvers.values()]);
  }

  function removeResolvers() {
    resolvers.clear();
    parts.resolve.replaceChildren();
  }

  function forgetWords() {
    setText(parts.accepted, "");
    setHidden(parts.refused, true);
  }
}
