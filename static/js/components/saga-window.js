// The rows that are in the document: only those on the screen and a few around it, whatever the number of sagas.

import { arrangeChildren } from "../lib/dom.js";
import { visibleRange } from "../model/window.js";
import { createSagaRow } from "./saga-row.js";

const ROW_HEIGHT_GUESS = 64;

export function createSagaWindow({ rows, before, after }, history) {
  const shown = new Map();
  const spare = [];
  let rowHeight = ROW_HEIGHT_GUESS;
  let drawn = {};

  function take(id, isNew) {
    const row = shown.get(id) ?? spare.pop() ?? createSagaRow();
    if (!shown.has(id)) row.element.toggleAttribute("data-fresh", isNew);
    shown.set(id, row);
    return row;
  }

  function giveBack(listed) {
    const wanted = new Set(listed.map(({ saga_id: id }) => id));
    for (const [id, row] of shown) if (!wanted.has(id) && shown.delete(id)) spare.push(row);
  }

  return {
    get rowHeight() {
      return rowHeight;
    },
    /** Pixels of the list that are above the screen's top edge; below 0 while the list begins further down. */
    scrolled: () => -before.getBoundingClientRect().top,

    /** Returns the range it has drawn; `scrolled` as above, when the page is where it is about to be scrolled to. */
    draw(sagas, { open, arrivals, nowMs, scrolled }) {
      const openIndex = open === null ? -1 : sagas.findIndex(({ saga_id: id }) => id === open);
      const range = visibleRange({
        scrolled,
        screen: innerHeight,
        count: sagas.length,
        rowHeight,
        open: openIndex < 0 ? null : { index: openIndex, height: history.height },
      });
      const drawing = { ...range, sagas, open, rowHeight };
      if (isSame(drawing, drawn)) return range;
      drawn = drawing;
      const listed = sagas.slice(range.first, range.last);
      giveBack(listed);
      const elements = listed.flatMap((saga, offset) => {
        const row = take(saga.saga_id, arrivals.has(saga.saga_id));
        const index = range.first + offset;
        row.update(saga, { index, isOpen: index === openIndex, nowMs });
        return index === openIndex ? [row.element, history.element] : [row.element];
      });
      setHeight(before, range.before);
      setHeight(after, range.after);
      arrangeChildren(rows, elements);
      return range;
    },
    /** The look of the page decides how high a row is. Returns whether there is one to be measured. */
    measure() {
      const row = rows.querySelector(".saga");
      const height = row?.getBoundingClientRect().height ?? rowHeight;
      if (Math.abs(height - rowHeight) > 0.1) rowHeight = height; // times ten thousand, a hair's breadth would show
      return row !== null;
    },
    tick(nowMs) {
      for (const row of shown.values()) row.tick(nowMs);
    },
  };
}

function isSame(one, other) {
  return Object.keys(one).every((key) => one[key] === other[key]);
}

function setHeight(spacer, pixels) {
  spacer.firstElementChild.style.height = `${pixels}px`;
}
