// The live numbers.

import { setHidden, setText } from "../lib/dom.js";
import { count } from "../model/words.js";

export function createCounters(root) {
  const numbers = [...root.querySelectorAll("[data-count]")];
  return {
    update({ counters }) {
      if (counters) for (const number of numbers) draw(number, counters[number.dataset.count] ?? 0);
    },
  };
}

function draw(number, value) {
  setText(number, count(value));
  const box = number.parentElement;
  if ("onlySome" in box.dataset) setHidden(box, value === 0);
}
