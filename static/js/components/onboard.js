// Everything that starts sagas: the big button, many at once, a list, a story, and sagas that are made to fail.
// Most are forms that work without scripts; here they speak to the API instead.

import { partsOf, setHidden, setText } from "../lib/dom.js";
import { attempt, Refused, sendForm, sendJson } from "../lib/http.js";
import { recall, remember } from "../lib/preferences.js";
import { numberOf } from "../model/number.js";
import { brokenRequest } from "../model/request.js";
import { count, plural } from "../model/words.js";

/** Every click starts a saga: the button is never locked while an answer is under way. */
export function connectOnboarding(form) {
  const { problem } = partsOf(form);
  onSubmit(form, () => attempt(problem, () => start(onboarding(1))));
}

export function connectMany(form) {
  const places = { form, ...partsOf(form) };
  onSubmit(form, () => confirmed(places, () => start(onboarding(numberOf(typed(form.elements.count)))), "user"));
}

export function connectRoster(form) {
  const places = { form, ...partsOf(form) };
  const { text, file } = form.elements;
  onSubmit(form, async () => {
    const [sent, chosen] = [text.value, file.files[0]];
    if (!(await confirmed(places, () => sendForm(form, { style: chosenStyle() }), "user"))) return;
    // The next list may be there already.
    if (text.value === sent) text.value = "";
    if (file.files[0] === chosen) file.value = "";
  });
}

/** In which style users are onboarded; this browser remembers it. */
export function connectStyle(fieldset) {
  const known = recall("style", null);
  for (const radio of fieldset.querySelectorAll("input")) {
    if (radio.value === known) radio.checked = true;
    radio.addEventListener("change", () => remember("style", radio.value));
  }
}

/** Told twice, a story is two sagas: its buttons are not locked either. */
export function connectStories(form) {
  const { problem } = partsOf(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(problem, () => start(JSON.parse(event.submitter.dataset.request)));
  });
}

export function connectBreaking(form) {
  const places = { form, ...partsOf(form) };
  const { scenario } = form.elements;
  scenario.addEventListener("change", () => fitChoices(form.elements));
  fitChoices(form.elements);
  onSubmit(form, () => confirmed(places, () => start(brokenRequest(valuesOf(form.elements))), "saga"));
}

function onSubmit(form, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

// A list sent twice by a double click would onboard everybody twice: here the button waits for the answer. It is not
// disabled meanwhile, which would take the focus from it.
async function confirmed({ form, problem, accepted }, send, what) {
  const button = form.querySelector("button");
  if (button.ariaBusy === "true") return false;
  button.ariaBusy = "true";
  setText(accepted, "");
  const succeeded = await attempt(problem, async () => {
    const { saga_ids: ids } = await send();
    setText(accepted, `${plural(ids.length, what)} accepted.`);
  });
  button.ariaBusy = null;
  return succeeded;
}

function start(request) {
  return sendJson("POST", "/api/sagas", request);
}

function onboarding(count) {
  return { scenario: "onboarding", style: chosenStyle(), count };
}

function chosenStyle() {
  return document.querySelector("input[name=style]:checked").value;
}

function valuesOf({ scenario, style, step, failures, retryable, error, undo, undoFailures, count: howMany }) {
  if (step.value && step.value === undo.value) throw new Refused("A saga takes one fault for each step: choose two.");
  const texts = { scenario, style, step, failures, error, undo, undoFailures };
  const values = Object.fromEntries(Object.entries(texts).map(([name, field]) => [name, field.value]));
  return { ...values, retryable: retryable.checked, count: typed(howMany) };
}

// A field with nothing in it, or with what no number begins with, gives the server nothing to find fault with.
function typed({ value, min, max }) {
  if (value === "") throw new Refused(`Type a number from ${count(min)} to ${count(max)}.`);
  return value;
}

// Each scenario has its own steps, and not every style.
function fitChoices({ scenario, style, step, undo }) {
  const styles = scenario.selectedOptions[0].dataset.styles.split(" ");
  offer(style, ({ value }) => styles.includes(value));
  for (const steps of [step, undo]) {
    offer(steps, ({ value, dataset }) => value === "" || dataset.scenario === scenario.value);
  }
}

function offer(select, isOffered) {
  for (const option of select.options) {
    setHidden(option, !isOffered(option));
    option.disabled = !isOffered(option);
  }
  if (!isOffered(select.selectedOptions[0])) select.value = [...select.options].find(isOffered).value;
}
