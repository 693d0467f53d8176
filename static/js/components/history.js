// The history of one saga, in place below its row: fetched when opened, and again whenever that row has changed.

import { arrangeChildren, cloneTemplate, partsOf, setHidden, setText } from "../lib/dom.js";
import { getJson, Refused } from "../lib/http.js";
import { plural } from "../model/words.js";
import { createEvent } from "./event.js";

/** `height` is 0 while nothing is open; `onResize()` is called when it has changed. */
export function createHistory({ dispatch, onResize }) {
  const element = cloneTemplate("history");
  const parts = partsOf(element);
  const load = createLoader(dispatch);
  const history = { element, height: 0, update };
  let events = new Map();
  let shown = null;

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
    load(board.sagas.get(open));
    if (board.history) draw(board.history);
  }

  function begin(open) {
    shown = open;
    events = new Map();
    history.height = 0;
    parts.events.replaceChildren();
    setText(parts.title, "History");
    setText(parts.about, "loading…");
    setHidden(parts.problem, true);
  }

  function draw({ saga, problem }) {
    setText(parts.problem, problem ?? "");
    setHidden(parts.problem, !problem);
    if (problem && !saga) setText(parts.about, "");
    if (!saga) return;
    setText(parts.about, `${plural(saga.events.length, "event")} · ${saga.style} · saga ${saga.saga_id}`);
    arrangeChildren(parts.events, saga.events.map((event) => eventOf(event, saga)));
  }

  // An event never changes: drawn once, it keeps its open message while later ones come in.
  function eventOf(event, saga) {
    if (!events.has(event.seq)) events.set(event.seq, createEvent(event, saga.started_at));
    return events.get(event.seq);
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
    return { saga: await getJson(`/api/sagas/${encodeURIComponent(id)}`) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { problem: error.message };
  }
}
