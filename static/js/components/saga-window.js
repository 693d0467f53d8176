// The rows that are in the document: all or, where there are very many, those on the screen and a few around it.
// The row with the focus stays as well: whoever uses the keyboard would have to begin at the top again.

import { arrangeChildren, cloneTemplate } from "../lib/dom.js";
import { drawnRange, rangeOnScreen } from "../model/window.js";
import { createSagaRow } from "./saga-row.js";

const ROW_HEIGHT_GUESS = 64;

export function createSagaWindow({ rows, before, after }, history) {
  const shown = new Map();
  const spare = [];
  const gap = cloneTemplate("gap");
  let rowHeight = ROW_HEIGHT_GUESS;
  let onScreen = [];
  let drawn = {};

  function take(id, isNew) {
    const row = shown.get(id) ?? spare.pop() ?? createSagaRow();
    if (!shown.has(id)) row.element.toggleAttribute("data-fresh", isNew);
    shown.set(id, row);
    return row;
  }

  // A row that has the focus is not used again: the focus, and the next key with it, would be another saga's.
  function giveBack(listed) {
    const wanted = new Set(listed.map(({ saga_id: id }) => id));
    for (const [id, row] of shown) {
      if (wanted.has(id)) continue;
      shown.delete(id);
      if (!row.element.contains(document.activeElement)) spare.push(row);
    }
  }

  function drawRow(saga, { index, open, arrivals, nowMs }) {
    const row = take(saga.saga_id, arrivals.has(saga.saga_id));
    const isOpen = index === open?.index;
    row.update(saga, { index, isOpen, nowMs });
    return isOpen ? [row.element, history.element] : [row.element];
  }

  return {
    get rowHeight() {
      return rowHeight;
    },
    /** Pixels of the list that are above the screen's top edge; below 0 while the list begins further down. */
    scrolled: () => -before.getBoundingClientRect().top,

    /** The id of the saga whose row, or history, has the focus. */
    focused() {
      const row = document.activeElement?.closest("tr");
      if (!rows.contains(row)) return undefined;
      return (row === history.element ? row.previousElementSibling : row).dataset.sagaId;
    },
    /**
     * Returns the range on the screen; `scrolled` as above, when the page is where it is about to be scrolled to.
     * `open` is { index, height }; it may be null, and so may the index `kept`.
     */
    draw(sagas, { open, kept, arrivals, nowMs, scrolled }) {
      const list = { count: sagas.length, rowHeight, open };
      const seen = rangeOnScreen({ ...list, scrolled, screen: innerHeight });
      onScreen = sagas.slice(seen.first, seen.last);
      const range = drawnRange(seen, { ...list, kept });
      const drawing = { ...range, sagas, rowHeight, openIndex: open?.index };
      if (isSame(drawing, drawn)) return seen;
      drawn = drawing;
      const { first, last, kept: away } = range;
      giveBack([...sagas.slice(first, last), ...(away === null ? [] : [sagas[away]])]);
      const drawRows = (from, to) => sagas.slice(from, to).flatMap((saga, offset) =>
        drawRow(saga, { index: from + offset, open, arrivals, nowMs }));
      const near = drawRows(first, last);
      setHeight(before, range.before);
      setHeight(gap, range.gap);
      setHeight(after, range.after);
      if (away === null) arrangeChildren(rows, near);
      else if (away < first) arrangeChildren(rows, [...drawRows(away, away + 1), gap, ...near]);
      else arrangeChildren(rows, [...near, gap, ...drawRows(away, away + 1)]);
      return seen;
    },
    /** The look of the page decides how high a row is. Returns whether there is one to be measured. */
    measure() {
      const row = rows.querySelector(".saga");
      const height = row?.getBoundingClientRect().height ?? rowHeight;
      if (Math.abs(height - rowHeight) > 0.1) rowHeight = height; // times ten thousand, a hair's breadth would show
      return row !== null;
    },
    tick(nowMs) {
      for (const { saga_id: id } of onScreen) shown.get(id)?.tick(nowMs);
    },
  };
}

function isSame(one, other) {
  return Object.keys(one).every((key) => one[key] === other[key]);
}

function setHeight(spacer, pixels) {
  spacer.firstElementChild.style.height = `${pixels}px`;
}
