// For screen readers: what a search has found, and the counters, in a sentence, politely, at most every few seconds.

import { setText } from "../lib/dom.js";
import { matchWords } from "../model/arrange.js";
import { count, plural, underWay } from "../model/words.js";

const PAUSE_MS = 5_000;

/** `countListed()` returns how many sagas the table lists. */
export function createAnnouncer(root, { countListed }) {
  let words = "";
  let timer = null;

  function speak() {
    timer = null;
    setText(root, words);
  }

  return {
    update(board) {
      const next = board.counters ? sentence(board, countListed()) : "";
      if (next === words) return;
      words = next;
      timer ??= setTimeout(speak, PAUSE_MS);
    },
  };
}

function sentence(board, listed) {
  const { counters } = board;
  const { completed, compensated, stuck, waiting, out_of_order: passed, dead_letters: dead } = counters;
  const words = [matchWords(board, listed), `${count(underWay(counters))} under way`, `${count(completed)} completed`];
  if (compensated > 0) words.push(`${count(compensated)} compensated`);
  if (stuck > 0) words.push(`${count(stuck)} stuck`);
  if (waiting > 0) words.push(`${count(waiting)} not yet sent`);
  words.push(`${count(passed)} finished out of order`);
  if (dead > 0) words.push(plural(dead, "dead letter"));
  return words.filter(Boolean).join(", ");
}
