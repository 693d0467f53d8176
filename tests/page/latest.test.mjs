// Work that is done one at a time: a history that is fetched while others are wanted.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createLatest } from "../../static/js/lib/latest.js";

/** Work that ends when it is told to: `begun` lists what was. */
function slowly() {
  const begun = [];
  const ends = [];
  const want = createLatest((wish) => new Promise((resolve, reject) => {
    begun.push(wish);
    ends.push({ resolve, reject });
  }));
  return { want, begun, ends };
}

test("what is wanted while another is under way follows, the last of it alone", async () => {
  const { want, begun, ends } = slowly();
  const all = want("a");
  want("b");
  want("c");
  assert.deepEqual(begun, ["a"]);
  ends[0].resolve();
  await Promise.resolve();
  ends[1].resolve();
  await all;
  assert.deepEqual(begun, ["a", "c"]);
});

test("the same is wanted again, and is done again", async () => {
  const { want, begun, ends } = slowly();
  for (const place of [0, 1]) {
    const done = want("a");
    ends[place].resolve();
    await done;
  }
  assert.deepEqual(begun, ["a", "a"]);
});

test("after a failure there is another try", async () => {
  const { want, begun, ends } = slowly();
  const failed = want("a");
  ends[0].reject(new Error("no"));
  await assert.rejects(failed);
  want("b");
  assert.deepEqual(begun, ["a", "b"]);
});
