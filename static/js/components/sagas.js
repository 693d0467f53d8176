// The table of sagas: arranges, windows, keeps the reader's place, and asks for older rows at the end.

import { partsOf, setAttribute, setData } from "../lib/dom.js";
import { arrange } from "../model/arrange.js";
import { HELD_ROWS } from "../model/board.js";
import { createHistory } from "./history.js";
import { createSagaWindow } from "./saga-window.js";
import { createToolbar } from "./toolbar.js";

/** `askOlder(number)` asks the server for sagas before that number; returns whether the question went out. */
export function createSagas(root, { dispatch, askOlder }) {
  const parts = partsOf(root);
  const toolbar = createToolbar(parts, { dispatch });
  const history = createHistory({ dispatch, onResize: redraw });
  const list = createSagaWindow(parts, history);
  let board = null;
  let sagas = [];

  parts.rows.addEventListener("click", (event) => onRowClick(event, dispatch));
  addEventListener("scroll", redraw, { passive: true });
  addEventListener("resize", redraw);
  // What is unfolded or folded above moves the rows without a scroll.
  new ResizeObserver(redraw).observe(document.body);

  function redraw() {
    if (!board) return;
    list.measure();
    draw(list.scrolled());
  }

  function draw(scrolled) {
    const drawing = { open: openOf(board), arrivals: board.arrivals, nowMs: serverNow(board), scrolled };
    const range = list.draw(sagas, drawing);
    if (range.last === sagas.length) fetchOlder();
  }

  function fetchOlder() {
    const { older, olderAsked, sagas: held } = board;
    if (older === null || older === olderAsked || held.size >= HELD_ROWS) return;
    if (askOlder(older)) dispatch({ type: "older-asked", before: older });
  }

  return {
    update(next) {
      // Asked before anything is written: afterwards the browser would have to lay out the whole page for the answer.
      const scrolled = list.scrolled();
      const isMeasured = list.measure() && board?.trace === next.trace;
      const isSameOrder = board?.view.order === next.view.order;
      const isSameView = isSameOrder && board.view.search === next.view.search && board.view.only === next.view.only;
      const isSameList = isSameView && board.sagas === next.sagas;
      const anchor = isSameOrder ? anchorOf(list, scrolled, sagas, openOf(board), history) : null;
      board = next;
      if (!isSameList) sagas = arrange(board.sagas, board.view);
      history.update(board);
      toolbar.update(board, sagas.length);
      setData(root, "trace", board.trace ? "on" : "off");
      setData(root, "connection", board.connection);
      setAttribute(parts.table, "aria-rowcount", board.older === null ? sagas.length + 1 : -1);
      keepPlace(anchor, scrolled);
      if (!isMeasured && list.measure()) draw(list.scrolled());
    },
    tick() {
      // How long a saga has been under way is not known while nothing is heard of it.
      if (!board || board.connection === "reconnecting") return;
      list.tick(serverNow(board));
      history.tick(serverNow(board));
    },
  };

  // Rows that come in above must not push away what somebody reads further down.
  function keepPlace(anchor, scrolled) {
    const index = anchor ? sagas.findIndex(({ saga_id: id }) => id === anchor.id) : -1;
    const shift = index < 0 ? 0 : (index - anchor.index) * list.rowHeight;
    draw(scrolled + shift);
    if (shift !== 0) scrollBy({ top: shift, behavior: "instant" });
  }
}

// The first row on the screen, once the list has been scrolled.
function anchorOf(list, scrolled, sagas, open, history) {
  if (scrolled <= 0) return null;
  const openIndex = open === null ? -1 : sagas.findIndex(({ saga_id: id }) => id === open);
  const openEnd = (openIndex + 1) * list.rowHeight + history.height;
  const isInside = openIndex >= 0 && scrolled > openIndex * list.rowHeight && scrolled < openEnd;
  if (isInside) return { id: open, index: openIndex };
  const above = openIndex >= 0 && scrolled >= openEnd ? history.height : 0;
  const index = Math.floor((scrolled - above) / list.rowHeight);
  return sagas[index] ? { id: sagas[index].saga_id, index } : null;
}

function onRowClick(event, dispatch) {
  const row = event.target.closest("a") ? null : event.target.closest("tr[data-saga-id]");
  const isSelecting = getSelection().toString() !== "";
  if (row && !isSelecting) dispatch({ type: "toggle", saga_id: row.dataset.sagaId });
}

// Without Trace Mode there is no history to show.
function openOf({ trace, view }) {
  return trace ? view.open : null;
}

function serverNow({ clockOffsetMs }) {
  return Date.now() + clockOffsetMs;
}
