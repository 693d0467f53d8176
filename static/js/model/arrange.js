// Which sagas are listed, and in which order. Newest first, by either number. `only` lists the statuses wanted.

const BY = {
  started: (a, b) => b.number - a.number,
  // What has not finished has no place in the order of finishing: it stands below, newest first.
  finished: (a, b) => (b.finished ?? 0) - (a.finished ?? 0) || b.number - a.number,
};

export function arrange(sagas, { order, search, only = "" }) {
  return [...sagas.values()].filter(matches(search)).filter(isOneOf(only)).sort(BY[order]);
}

function isOneOf(only) {
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
