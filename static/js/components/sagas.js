// The table of sagas: arranges, windows, keeps the reader's place, and asks for older rows at the end.

import { keepFocusNear, partsOf, setAttribute, setData } from "../lib/dom.js";
import { arrange } from "../model/arrange.js";
import { hasOlder } from "../model/board.js";
import { offsetOf, rowAt } from "../model/window.js";
import { createHistory } from "./history.js";
import { createSagaWindow } from "./saga-window.js";
import { createToolbar } from "./toolbar.js";

// What is listed, and in which order: another list has no place to keep.
const VIEWS = ["order", "search", "only"];

/** `askOlder(number)` asks the server for sagas before that number; returns whether the question went out. */
export function createSagas(root, { dispatch, askOlder }) {
  const parts = partsOf(root);
  const toolbar = createToolbar(parts, { dispatch });
  const history = createHistory({ dispatch, onResize: onHistoryResize });
  const list = createSagaWindow(parts, history);
  let board = null;
  let sagas = [];
  let top = 0;

  parts.rows.addEventListener("click", (event) => onRowClick(event, dispatch));
  addEventListener("scroll", redraw, { passive: true });
  addEventListener("resize", redraw);
  // What is unfolded or folded above moves the rows without a scroll.
  new ResizeObserver(onPageResize).observe(document.body);

  function redraw() {
    if (!board) return;
    list.measure();
    draw(noteTop());
  }

  // Where the list begins on the page: if that moves before anybody scrolls, something above it has grown.
  function noteTop() {
    const scrolled = list.scrolled();
    top = scrollY - scrolled;
    return scrolled;
  }

  // Banners that come and go above must not move what somebody reads.
  function onPageResize() {
    const scrolled = list.scrolled();
    const growth = scrollY - scrolled - top;
    if (scrolled + growth > 0) scrollBy({ top: growth, behavior: "instant" });
    redraw();
  }

  // What grows above the screen must not push away what somebody reads further down.
  function onHistoryResize(growth) {
    const { open } = heights();
    const isAbove = open && list.scrolled() >= offsetOf(open.index + 1, heights()) - growth;
    if (isAbove) scrollBy({ top: growth, behavior: "instant" });
    redraw();
  }

  function indexOf(id) {
    return id ? sagas.findIndex(({ saga_id: one }) => one === id) : -1;
  }

  function heights() {
    const index = indexOf(openOf(board));
    return { rowHeight: list.rowHeight, open: index < 0 ? null : { index, height: history.height } };
  }

  function draw(scrolled) {
    const { open } = heights();
    const kept = indexOf(list.focused());
    const { arrivals } = board;
    const drawing = { open, kept: kept < 0 ? null : kept, arrivals, nowMs: serverNow(board), scrolled };
    if (list.draw(sagas, drawing).last === sagas.length) fetchOlder();
  }

  function fetchOlder() {
    const { older, olderAsked } = board;
    if (!hasOlder(board) || older === olderAsked) return;
    if (askOlder(older)) dispatch({ type: "older-asked", before: older });
  }

  return {
    countListed: () => sagas.length,
    update(next) {
      // Asked before anything is written: afterwards the browser would have to lay out the whole page for the answer.
      const scrolled = noteTop();
      const isMeasured = list.measure() && board?.trace === next.trace;
      const isSameView = VIEWS.every((name) => board?.view[name] === next.view[name]);
      const isSameList = isSameView && board.view.open === next.view.open && board.sagas === next.sagas;
      const anchor = isSameView ? anchorOf(openOf(next), scrolled) : null;
      board = next;
      if (!isSameList) sagas = arrange(board.sagas, { ...board.view, focused: list.focused() });
      history.update(board);
      toolbar.update(board, sagas.length);
      setData(root, "connection", board.connection);
      setAttribute(parts.table, "aria-rowcount", board.older === null ? sagas.length + 1 : -1);
      // A row may leave, and without Trace Mode no row can be opened.
      keepFocusNear(parts.table, () => {
        setData(root, "trace", board.trace ? "on" : "off");
        keepPlace(anchor, scrolled);
      });
      if (!isMeasured && list.measure()) draw(list.scrolled());
    },
    tick() {
      // How long a saga has been under way is not known while nothing is heard of it.
      if (!board || board.connection === "reconnecting") return;
      list.tick(serverNow(board));
      history.tick(serverNow(board));
    },
  };

  // What somebody reads: the row that is open, or has the focus, or stands first on the screen of a scrolled list.
  function anchorOf(open, scrolled) {
    const [first, last] = [scrolled, scrolled + innerHeight].map((y) => rowAt(y, heights()));
    const candidates = [indexOf(open), indexOf(list.focused()), scrolled > 0 ? first : -1];
    const index = candidates.find((one) => sagas[one] && first <= one && one <= last);
    return index === undefined ? null : { id: sagas[index].saga_id, offset: offsetOf(index, heights()) };
  }

  // Rows that come in above, or a history that is closed there, must not move what somebody reads.
  function keepPlace(anchor, scrolled) {
    const index = anchor ? indexOf(anchor.id) : -1;
    const shift = index < 0 ? 0 : offsetOf(index, heights()) - anchor.offset;
    draw(scrolled + shift);
    if (shift !== 0) scrollBy({ top: shift, behavior: "instant" });
  }
}

// Who drags over words selects them. The button does what it says, whatever is selected.
function onRowClick({ target }, dispatch) {
  const row = target.closest("a") ? null : target.closest("tr[data-saga-id]");
  const isSelecting = !target.closest("button") && getSelection().toString() !== "";
  if (row && !isSelecting) dispatch({ type: "toggle", saga_id: row.dataset.sagaId });
}

// Without Trace Mode there is no history to show.
function openOf({ trace, view }) {
  return trace ? view.open : null;
}

function serverNow({ clockOffsetMs }) {
  return Date.now() + clockOffsetMs;
}
