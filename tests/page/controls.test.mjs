// What single components do with what they are told, on as much of a document as they touch.
import assert from "node:assert/strict";
import { test } from "node:test";

import { connectShortcuts } from "../../static/js/components/shortcuts.js";

const ignore = () => {};

function remembering(items = {}) {
  globalThis.localStorage = {
    getItem: (name) => items[name] ?? null,
    setItem: (name, value) => (items[name] = value),
  };
}

/** A tick box, and `press()`, which returns whether the key did something. */
function keys() {
  const listeners = {};
  const tick = { checked: true, addEventListener: (_, onChange) => (tick.onChange = onChange) };
  let pressed = 0;
  globalThis.document = {
    addEventListener: (name, listener) => (listeners[name] = listener),
    querySelector: () => null,
  };
  connectShortcuts(tick, { n: () => (pressed += 1) });
  const press = () => {
    const before = pressed;
    listeners.keydown({ key: "n", target: {}, preventDefault: ignore });
    return pressed > before;
  };
  return { tick, press };
}

test("single keys do something until they are switched off, and again when they are switched on", () => {
  remembering();
  const { tick, press } = keys();
  const pressed = [press()];
  for (const isOn of [false, true]) {
    tick.checked = isOn;
    tick.onChange();
    pressed.push(press());
  }
  assert.deepEqual(pressed, [true, false, true]);
});

test("this browser remembers that single keys are switched off", () => {
  remembering();
  const before = keys();
  before.tick.checked = false;
  before.tick.onChange();
  const after = keys();
  assert.deepEqual([after.tick.checked, after.press()], [false, false]);
});
