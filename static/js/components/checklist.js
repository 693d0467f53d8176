// Lists of what is well and what is not, each with its sign and a detail.

import { cloneTemplate, partsOf, setSign, setText } from "../lib/dom.js";

/** Draws `checks` ({ name, ok, detail }) into `list`, whose items stay; `good` and `bad` are the signs. */
export function drawChecklist(list, checks, { good, bad }) {
  while (list.children.length > checks.length) list.lastElementChild.remove();
  for (const [place, { name, ok, detail }] of checks.entries()) {
    const item = list.children[place] ?? list.appendChild(cloneTemplate("check"));
    const parts = partsOf(item);
    setSign(parts.sign, ok ? good : bad);
    setText(parts.name, name);
    setText(parts.detail, detail);
  }
}
