// Lists of what is well and what is not, each with its sign and a detail.

import { cloneTemplate, partsOf, setSign, setText } from "../lib/dom.js";

/** Draws `checks` ({ name, ok, detail }) into `list`; `good` and `bad` are the signs. */
export function drawChecklist(list, checks, { good, bad }) {
  list.replaceChildren(...checks.map(({ name, ok, detail }) => {
    const item = cloneTemplate("check");
    const parts = partsOf(item);
    setSign(parts.sign, ok ? good : bad);
    setText(parts.name, name);
    setText(parts.detail, detail);
    return item;
  }));
}
