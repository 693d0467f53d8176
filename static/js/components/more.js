// On a narrow screen most controls are folded (css/layout.css), so that the first rows are seen below them.

import { setAttribute } from "../lib/dom.js";

export function connectMore(button) {
  button.addEventListener("click", () => setAttribute(button, "aria-expanded", button.ariaExpanded !== "true"));
}
