// Which rows of a long list are in the document, and how much room stands in for the others.
// All rows have one height; one row may be open, with its history (of any height) below it.

const OVERSCAN = 6;

/** `scrolled`: pixels of the list above the screen's top edge; `last` is exclusive; `open`: {index, height} or null. */
export function visibleRange({ scrolled, screen, count, rowHeight, open = null }) {
  const offset = (index) => index * rowHeight + (open && index > open.index ? open.height : 0);
  const rowAt = (y) => {
    if (!open || y < offset(open.index) + rowHeight) return Math.floor(y / rowHeight);
    return Math.max(open.index, Math.floor((y - open.height) / rowHeight));
  };
  const first = clamp(rowAt(scrolled) - OVERSCAN, 0, count);
  const last = clamp(rowAt(scrolled + screen) + 1 + OVERSCAN, first, count);
  return { first, last, before: offset(first), after: offset(count) - offset(last) };
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
