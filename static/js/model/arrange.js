// Which sagas are listed, and in which order. Newest first, by either number. `only` lists the statuses wanted; what is
// open, or has the focus, stays listed when it becomes another: somebody reads it, or is about to press a key there.

import { count } from "./words.js";

const BY = {
  started: (a, b) => b.number - a.number,
  // What has not finished has no place in the order of finishing: it stands below, newest first.
  finished: (a, b) => (b.finished ?? 0) - (a.finished ?? 0) || b.number - a.number,
};

export function arrange(sagas, { order, search, only = "", open = null, focused = null }) {
  const isWanted = isOneOf(only);
  const isListed = (row) => [open, focused].includes(row.saga_id) || isWanted(row);
  return [...sagas.values()].filter(matches(search)).filter(isListed).sort(BY[order]);
}

/** How many of the sagas that are held are listed; "" where nothing is sought and no status chosen. */
export function matchWords({ sagas, view: { search, only } }, listed) {
  return search.trim() === "" && only === "" ? "" : `${count(listed)} of ${count(sagas.size)} match`;
}

/** Returns whether a saga's row has one of the statuses in `only`. */
export function isOneOf(only) {
  const statuses = only.split(" ");
  return only === "" ? () => true : ({ status }) => statuses.includes(status);
}

function matches(search) {
  const sought = fold(search.trim());
  return sought === "" ? () => true : (row) => fold(row.user.name).includes(sought);
}

// "jose" finds "José": accents and case do not count.
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
