// Who you are, and what of the page is the instructor's: shown to everybody with a padlock, and leading to the login.

import { partsOf } from "../lib/dom.js";
import { attempt, sendForm, UNAUTHORIZED } from "../lib/http.js";

const HINT = "The instructor's: log in first";

/** `root` is null where there is no login, and nothing is locked. */
export function connectInstructor(root) {
  if (!root) return;
  const { login, form, password, problem } = partsOf(root);
  if (isLocked()) lockAll();
  addEventListener(UNAUTHORIZED, () => {
    document.body.dataset.standing = "locked";
    lockAll();
  });

  // Before any other listener: what is locked does nothing but lead here.
  document.addEventListener("click", (event) => {
    if (!isLocked() || !event.target.closest("button[data-instructors]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    login.open = true;
    password.focus();
  }, { capture: true });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await attempt(problem, () => sendForm(form))) location.reload();
  });
}

/** For a button that is the instructor's and was made by a script. */
export function lockIfLocked(button) {
  button.dataset.instructors = "";
  if (isLocked()) lock(button);
}

function isLocked() {
  return document.body.dataset.standing === "locked";
}

function lockAll() {
  const contents = [...document.querySelectorAll("template")].map((template) => template.content);
  for (const root of [document, ...contents]) root.querySelectorAll("button[data-instructors]").forEach(lock);
}

function lock(button) {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  button.title = [HINT, button.title].filter(Boolean).join(". ");
}
