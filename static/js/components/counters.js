// The live numbers.

import { setHidden, setText } from "../lib/dom.js";
import { count, underWay } from "../model/words.js";

const LASTING_MS = 500;

export function createCounters(root) {
  const counters = [...root.querySelectorAll("[data-count]")].map(createCounter);
  return {
    update({ counters: values }) {
      if (!values) return;
      const told = { ...values, running: underWay(values) };
      for (const { name, draw } of counters) draw(told[name] ?? 0);
    },
  };
}

// With each click one saga waits to be sent, for some milliseconds: what is there for so short a time is not shown.
function createCounter(number) {
  const box = number.parentElement;
  let timer = null;

  function draw(value) {
    setText(number, count(value));
    if (!("onlySome" in box.dataset)) return;
    if (value > 0) timer ??= setTimeout(() => setHidden(box, false), LASTING_MS);
    else hide();
  }

  function hide() {
    clearTimeout(timer);
    timer = null;
    setHidden(box, true);
  }

  return { name: number.dataset.count, draw };
}
