// Which rows of a long list are in the document, and how much room stands in for the others.
// All rows have one height; one row may be open, with its history (of any height) below it.

const OVERSCAN = 4;
// The edges move in steps, so that most frames of a scroll change nothing at all.
const STEP = 4;

/** `scrolled`: pixels of the list above the screen's top edge; `last` is exclusive; `open`: {index, height} or null. */
export function visibleRange({ scrolled, screen, count, rowHeight, open = null }) {
  const offset = (index) => index * rowHeight + (open && index > open.index ? open.height : 0);
  const rowAt = (y) => {
    if (!open || y < offset(open.index) + rowHeight) return Math.floor(y / rowHeight);
    return Math.max(open.index, Math.floor((y - open.height) / rowHeight));
  };
  const first = clamp(stepped(Math.floor, rowAt(scrolled) - OVERSCAN), 0, count);
  const last = clamp(stepped(Math.ceil, rowAt(scrolled + screen) + 1 + OVERSCAN), first, count);
  return { first, last, before: offset(first), after: offset(count) - offset(last) };
}

function stepped(round, index) {
  return round(index / STEP) * STEP;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
