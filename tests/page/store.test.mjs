// The page's one state: drawn at most once a frame, however many messages came.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createStore } from "../../static/js/lib/store.js";

/** A sum as the state, in a browser that shows a frame when it is told to; `drawn` lists what each drawing showed. */
function sum(t) {
  const asked = [];
  const drawn = [];
  globalThis.requestAnimationFrame = (draw) => asked.push(draw);
  t.after(() => delete globalThis.requestAnimationFrame);
  const store = createStore((total, number) => total + number, 0);
  store.connect((total) => drawn.push(total));
  drawn.length = 0;
  return { store, asked, drawn, frame: () => asked.splice(0).forEach((draw) => draw()) };
}

test("a hundred messages before a frame are one drawing, of all that they brought", (t) => {
  const { store, asked, drawn, frame } = sum(t);
  for (let number = 1; number <= 100; number += 1) store.dispatch(number);
  assert.deepEqual([asked.length, drawn], [1, []]);
  assert.equal(store.state, 5_050);
  frame();
  assert.deepEqual(drawn, [5_050]);
});

test("what comes after a frame is drawn in the next", (t) => {
  const { store, drawn, frame } = sum(t);
  for (const number of [1, 2]) {
    store.dispatch(number);
    frame();
  }
  assert.deepEqual(drawn, [1, 3]);
});

test("a message that changes nothing asks for no frame", (t) => {
  const { store, asked } = sum(t);
  store.dispatch(0);
  assert.equal(asked.length, 0);
});

test("whoever connects is shown at once what is there", (t) => {
  const { store } = sum(t);
  store.dispatch(7);
  const shown = [];
  store.connect((total) => shown.push(total));
  assert.deepEqual(shown, [7]);
});
