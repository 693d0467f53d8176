// Which rows of a long list are in the document, and how much room stands in for the others.
// All rows have one height; one row may be open, with its history (of any height) below it: `open` is {index, height}.

/** Up to as many rows are all in the document, for whoever looks for one by other means than the eye. */
export const WHOLE_ROWS = 300;

const OVERSCAN = 4;
// The edges move in steps, so that most frames of a scroll change nothing at all.
const STEP = 4;

/** Pixels from the top of the list to the row at `index`. */
export function offsetOf(index, { rowHeight, open }) {
  return index * rowHeight + (open && index > open.index ? open.height : 0);
}

/** The index of the row that is `y` pixels below the top of the list, its history included. */
export function rowAt(y, { rowHeight, open }) {
  if (!open || y < (open.index + 1) * rowHeight) return Math.floor(y / rowHeight);
  return Math.max(open.index, Math.floor((y - open.height) / rowHeight));
}

/** The rows on the screen and a few around them. `scrolled`: pixels of the list above the screen's top edge. */
export function rangeOnScreen({ scrolled, screen, count, ...heights }) {
  const first = clamp(stepped(Math.floor, rowAt(scrolled, heights) - OVERSCAN), 0, count);
  const last = clamp(stepped(Math.ceil, rowAt(scrolled + screen, heights) + 1 + OVERSCAN), first, count);
  return { first, last };
}

/**
 * What is drawn: rows first (inclusive) to last (exclusive), and the row `kept` (its index, or null), which stays
 * wherever it is; `gap` is the room between them, `before` and `after` is that above and below all.
 */
export function drawnRange({ first, last }, { count, kept = null, ...heights }) {
  if (count <= WHOLE_ROWS) return { first: 0, last: count, kept: null, before: 0, gap: 0, after: 0 };
  const room = (from, to) => offsetOf(to, heights) - offsetOf(from, heights);
  if (kept !== null && kept < first) {
    return { first, last, kept, before: room(0, kept), gap: room(kept + 1, first), after: room(last, count) };
  }
  if (kept !== null && kept >= last) {
    return { first, last, kept, before: room(0, first), gap: room(last, kept), after: room(kept + 1, count) };
  }
  return { first, last, kept: null, before: room(0, first), gap: 0, after: room(last, count) };
}

function stepped(round, index) {
  return round(index / STEP) * STEP;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
