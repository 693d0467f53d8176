// The big button, and a number of users at once. Both are forms; here they speak to the API instead.

import { partsOf, setText } from "../lib/dom.js";
import { attempt, sendForm, sendJson } from "../lib/http.js";
import { plural } from "../model/words.js";

/** Every click starts a saga: the button is never locked while an answer is under way. */
export function connectOnboarding(form) {
  const { problem } = partsOf(form);
  onSubmit(form, () => attempt(problem, () => start(1)));
}

export function connectMany(form) {
  const { problem, accepted } = partsOf(form);
  onSubmit(form, () => confirmed({ form, problem, accepted }, () => start(countOf(form))));
}

export function connectRoster(form) {
  const { problem, accepted } = partsOf(form);
  onSubmit(form, async () => {
    if (await confirmed({ form, problem, accepted }, () => sendForm(form))) form.reset();
  });
}

function onSubmit(form, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

// A list sent twice by a double click would onboard everybody twice: here the button waits for the answer.
async function confirmed({ form, problem, accepted }, send) {
  const button = form.querySelector("button");
  setText(accepted, "");
  button.disabled = true;
  const succeeded = await attempt(problem, async () => {
    const { saga_ids: ids } = await send();
    setText(accepted, `${plural(ids.length, "user")} accepted.`);
  });
  button.disabled = false;
  return succeeded;
}

function start(count) {
  return sendJson("POST", "/api/sagas", { scenario: "onboarding", style: "choreography", count });
}

// What is not a number goes to the server as it is: the server has the words for what is wrong with it.
function countOf(form) {
  const { value, valueAsNumber } = form.elements.count;
  return Number.isNaN(valueAsNumber) ? value : valueAsNumber;
}
