// Above the table: search, order, a summary; below it, when there are no rows, the reason and what to do.

import { keepFocusNear, setHidden, setText } from "../lib/dom.js";
import { matchWords } from "../model/arrange.js";
import { hasOlder, HELD_ROWS } from "../model/board.js";
import { count, plural, underWay } from "../model/words.js";

export function createToolbar(parts, { dispatch }) {
  parts.search.addEventListener("input", () => dispatch({ type: "search", text: parts.search.value }));
  parts.only.addEventListener("change", () => dispatch({ type: "only", statuses: parts.only.value }));
  parts.showAll.addEventListener("click", () => {
    dispatch({ type: "only", statuses: "" });
    parts.only.focus(); // the button goes with the words around it
  });
  for (const radio of document.querySelectorAll('input[name="order"]')) {
    radio.addEventListener("change", () => dispatch({ type: "order", by: radio.value }));
  }
  return {
    update(board, listed) {
      if (parts.only.value !== board.view.only) parts.only.value = board.view.only;
      setText(parts.summary, board.ready ? summary(board, listed) : "");
      const [title, hint] = board.ready ? emptyWords(board) : ["Connecting…", ""];
      setText(parts.emptyTitle, title);
      setText(parts.emptyHint, hint);
      keepFocusNear(parts.empty, () => {
        setHidden(parts.showAll, board.view.only === "");
        setHidden(parts.empty, listed > 0);
      });
    },
  };
}

function summary(board, listed) {
  const words = [];
  const unseen = plural(underWay(board.counters), "saga");
  if (!board.trace && board.sagas.size > 0) words.push(`${unseen} under way, unseen`);
  const isSearched = board.view.search.trim() !== "";
  words.push(matchWords(board, listed));
  const isPart = board.view.only === "stuck" && !isSearched && listed < board.counters.stuck;
  if (isPart) words.push(`${count(board.counters.stuck)} are stuck in all`);
  const isFull = board.older !== null && board.sagas.size >= HELD_ROWS;
  if (isFull) words.push(`only the newest ${count(HELD_ROWS)} are kept here`);
  return words.filter(Boolean).join(" · ");
}

function emptyWords(board) {
  const { trace, sagas, counters, view } = board;
  if (sagas.size > 0 && hasOlder(board)) return ["Searching older sagas…", ""];
  if (sagas.size > 0 && view.only !== "") return ["No saga is like that.", ""];
  if (sagas.size > 0) return [`No user matches “${view.search.trim()}”.`, "Accents and capitals do not count."];
  if (trace) return ["No saga yet.", INVITATION];
  if (underWay(counters) > 0) return [`${plural(underWay(counters), "saga")} under way, unseen.`, UNSEEN];
  return ["Nothing has ended yet.", UNSEEN];
}

const INVITATION = "Click Onboard New User, or press n. Click it five times and watch who finishes first.";
const UNSEEN = "Trace Mode is off: a saga shows up only when it has ended or is stuck, as it would in production.";
