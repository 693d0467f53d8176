// Sagas that need a person: said above everything else, with Trace Mode on or off, for as long as there are any.

import { partsOf, setHidden, setText } from "../lib/dom.js";
import { plural } from "../model/words.js";

/** `onShow()` is called when somebody wants to see them. */
export function createStuck(root, { onShow }) {
  const parts = partsOf(root);
  parts.show.addEventListener("click", onShow);
  return {
    update({ counters }) {
      const stuck = counters?.stuck ?? 0;
      setText(parts.words, `${plural(stuck, "saga")} ${stuck === 1 ? "is" : "are"} stuck.`);
      setHidden(root, stuck === 0);
    },
  };
}
