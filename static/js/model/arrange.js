// Which sagas are listed, and in which order. Newest first, by either number.

const BY = {
  started: (a, b) => b.number - a.number,
  // What has not finished has no place in the order of finishing: it stands below, newest first.
  finished: (a, b) => (b.finished ?? 0) - (a.finished ?? 0) || b.number - a.number,
};

export function arrange(sagas, { order, search }) {
  return [...sagas.values()].filter(matches(search)).sort(BY[order]);
}

function matches(search) {
  const sought = fold(search.trim());
  return sought === "" ? () => true : (row) => fold(row.user.name).includes(sought);
}

// "jose" finds "José": accents and case do not count.
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
