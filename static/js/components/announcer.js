// For screen readers: the counters in a sentence, politely, at most every few seconds.

import { setText } from "../lib/dom.js";
import { count } from "../model/words.js";

const PAUSE_MS = 5_000;

export function createAnnouncer(root) {
  let words = "";
  let timer = null;

  function speak() {
    timer = null;
    setText(root, words);
  }

  return {
    update({ counters }) {
      const next = counters ? sentence(counters) : "";
      if (next === words) return;
      words = next;
      timer ??= setTimeout(speak, PAUSE_MS);
    },
  };
}

function sentence({ running, completed, out_of_order: passed, dead_letters: dead }) {
  const lost = dead > 0 ? `, ${count(dead)} dead letters` : "";
  return `${count(running)} running, ${count(completed)} completed, ${count(passed)} finished out of order${lost}`;
}
