// What screen readers are told, and how often.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createAnnouncer } from "../../static/js/components/announcer.js";

const COUNTERS = { running: 2, waiting: 0, completed: 5, compensated: 0, stuck: 0, out_of_order: 3, dead_letters: 0 };
const TOLD = "2 under way, 5 completed, 3 finished out of order";

function board({ counters = {}, view = {}, held = 7 } = {}) {
  const sagas = new Map(Array.from({ length: held }, (_, number) => [number, {}]));
  return { sagas, counters: { ...COUNTERS, ...counters }, view: { search: "", only: "", ...view } };
}

for (const [view, words] of [
  [{}, TOLD],
  [{ search: "jose" }, `1 of 7 match, ${TOLD}`],
  [{ only: "stuck" }, `1 of 7 match, ${TOLD}`],
]) {
  test(`with ${JSON.stringify(view)} it is said that ${words}`, ({ mock }) => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const root = { textContent: "" };
    createAnnouncer(root, { countListed: () => 1 }).update(board({ view }));
    mock.timers.tick(5_000);
    assert.equal(root.textContent, words);
  });
}

test("of all that changes within five seconds only the last is said", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const root = { textContent: "" };
  const announcer = createAnnouncer(root, { countListed: () => 0 });
  for (let completed = 1; completed <= 5_000; completed += 1) announcer.update(board({ counters: { completed } }));
  mock.timers.tick(4_999);
  assert.equal(root.textContent, "");
  mock.timers.tick(1);
  assert.match(root.textContent, /5,000 completed/);
});
