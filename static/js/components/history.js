// The history of one saga, in place below its row: fetched when opened, and again whenever that row has changed.

import { cloneTemplate, partsOf, setAttribute, setHidden, setText } from "../lib/dom.js";
import { getPage, Refused } from "../lib/http.js";
import { plural } from "../model/words.js";
import { createRescue } from "./rescue.js";
import { createThread } from "./thread.js";

/** `height` is 0 while nothing is open; `onResize()` is called when it has changed. */
export function createHistory({ dispatch, onResize }) {
  const element = cloneTemplate("history");
  const parts = partsOf(element);
  const load = createLoader(dispatch);
  const thread = createThread(parts.events);
  const rescue = createRescue(parts.rescue);
  const history = { element, height: 0, update, tick: thread.tick };
  let shown = null;
  let drawn = null;

  new ResizeObserver(() => {
    const { height } = element.getBoundingClientRect();
    // A row that is off the screen measures 0, but the room it takes stays its own.
    if (!element.isConnected || height === history.height) return;
    history.height = height;
    onResize();
  }).observe(parts.box);

  function update(board) {
    const open = board.trace ? board.view.open : null;
    if (open !== shown) begin(open);
    if (open === null) return;
    const row = board.sagas.get(open);
    load(row);
    rescue.update(row);
    if (board.history && board.history !== drawn) draw(board, row);
  }

  function begin(open) {
    shown = open;
    drawn = null;
    history.height = 0;
    thread.clear();
    setText(parts.title, "History");
    setText(parts.about, "loading…");
    setAttribute(parts.link, "href", open && `/sagas/${encodeURIComponent(open)}`);
    setHidden(parts.problem, true);
  }

  function draw({ history: shownHistory, clockOffsetMs }, row) {
    const { events, problem } = shownHistory;
    drawn = shownHistory;
    setText(parts.problem, problem ?? "");
    setHidden(parts.problem, !problem);
    if (problem && !events) setText(parts.about, "");
    if (!events) return;
    setText(parts.about, `${plural(events.length, "event")} · ${row.scenario}, ${row.style} · saga ${row.saga_id}`);
    thread.update(events, Date.now() + clockOffsetMs);
  }

  return history;
}

// One request at a time; what changes meanwhile is asked for when the answer is here.
function createLoader(dispatch) {
  let asked = null;
  let isBusy = false;

  return async function load(row) {
    if (isBusy || !row || row === asked) return;
    isBusy = true;
    asked = row;
    const answer = await fetchHistory(row.saga_id);
    isBusy = false;
    dispatch({ type: "history", saga_id: row.saga_id, ...answer });
  };
}

async function fetchHistory(id) {
  try {
    const page = await getPage(`/sagas/${encodeURIComponent(id)}`);
    return { events: [...page.querySelectorAll(".event")] };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { problem: error.message };
  }
}
