// The history of one saga, in place below its row: fetched when opened, and again whenever that row has changed, the
// connection is back, or nothing came.

import { cloneTemplate, partsOf, setAttribute, setHidden, setText } from "../lib/dom.js";
import { getPage, Refused } from "../lib/http.js";
import { createLatest } from "../lib/latest.js";
import { plural } from "../model/words.js";
import { createRescue } from "./rescue.js";
import { createThread } from "./thread.js";

const AGAIN_MS = 5_000;

/** `height` is 0 while nothing is open; `onResize(growth)` is called when it has changed. */
export function createHistory({ dispatch, onResize }) {
  const element = cloneTemplate("history");
  const parts = partsOf(element);
  const thread = createThread(parts.events);
  const rescue = createRescue(parts.rescue);
  const history = { element, height: 0, update, tick: thread.tick };
  let shown = null;
  let load = null;
  let asked = null;
  let drawn = null;
  let connection = null;
  let timer = null;

  new ResizeObserver(() => {
    const { height } = element.getBoundingClientRect();
    // A row that is off the screen measures 0, but the room it takes stays its own.
    if (!element.isConnected || height === history.height) return;
    const growth = height - history.height;
    history.height = height;
    onResize(growth);
  }).observe(parts.box);

  function update(board) {
    const open = board.trace ? board.view.open : null;
    if (open !== shown) begin(open);
    if (board.connection !== connection && board.connection === "live") asked = null;
    connection = board.connection;
    const row = board.sagas.get(open);
    if (!row) return;
    if (row !== asked) load(row);
    asked = row;
    rescue.update(row);
    if (board.history && board.history !== drawn) draw(board, row);
  }

  // Each opening asks for itself: an answer that hangs holds up no other row, and is nothing to whoever comes back.
  function createLoad() {
    const own = createLatest(async (row) => {
      clearTimeout(timer);
      const answer = await fetchHistory(row.saga_id);
      if (own !== load) return;
      dispatch({ type: "history", saga_id: row.saga_id, ...answer });
      if (answer.problem) timer = setTimeout(() => row === asked && load(row), AGAIN_MS);
    });
    return own;
  }

  function begin(open) {
    shown = open;
    load = createLoad();
    asked = null;
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

async function fetchHistory(id) {
  try {
    const page = await getPage(`/sagas/${encodeURIComponent(id)}`);
    return { events: [...page.querySelectorAll(".event")] };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { problem: error.message };
  }
}
