// The picture of order: the last finished sagas, placed by start above and by finish below. Where threads cross,
// one saga overtook another.

const SHOWN = 20;

/** Returns threads [{saga_id, number, from, to, tone}] with places 0..n-1, in the order of finishing. */
export function weave(sagas, shown = SHOWN) {
  const finished = lastFinished(sagas, shown);
  const byStart = [...finished].sort((a, b) => a.number - b.number);
  const place = new Map(byStart.map(({ saga_id }, index) => [saga_id, index]));
  return finished.map((row, to) => ({
    saga_id: row.saga_id, number: row.number, from: place.get(row.saga_id), to, tone: toneOf(row),
  }));
}

// Numbers of finishing have no gaps, so the last ones need no sorting of thousands.
function lastFinished(sagas, shown) {
  let last = 0;
  for (const { finished } of sagas.values()) last = Math.max(last, finished ?? 0);
  const isRecent = ({ finished }) => finished !== null && finished > last - shown;
  return [...sagas.values()].filter(isRecent).sort((a, b) => a.finished - b.finished);
}

function toneOf({ overtook, overtaken }) {
  if (!overtook && !overtaken) return "level";
  return overtook >= overtaken ? "ahead" : "behind";
}
