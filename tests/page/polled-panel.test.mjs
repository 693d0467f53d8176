// A panel asks as long as somebody can see what it draws.
import assert from "node:assert/strict";
import { test } from "node:test";

import { connectPolledPanel } from "../../static/js/components/polled-panel.js";

const WHILE_MS = 20_000;

/** An open panel, and all that becomes of it: how often the server was asked, and what was drawn and forgotten. */
function openPanel({ mock }) {
  mock.timers.enable({ apis: ["setTimeout"] });
  const listeners = {};
  const listen = (name, listener) => (listeners[name] = listener);
  const done = [];
  globalThis.document = { hidden: false, addEventListener: listen };
  globalThis.fetch = async () => ({ ok: true, json: async () => ({}) });
  const root = { open: true, addEventListener: listen };
  const problem = { textContent: "", hidden: true };
  connectPolledPanel(root, { url: "/", problem, draw: () => done.push("drawn"), forget: () => done.push("forgotten") });
  const settle = () => new Promise(setImmediate);
  const tell = async (name) => {
    listeners[name]();
    await settle();
  };
  const wait = async () => {
    mock.timers.tick(WHILE_MS);
    await settle();
  };
  return { root, done, tell, wait };
}

test("an open panel asks again and again until it is closed", async (t) => {
  const { root, done, tell, wait } = openPanel(t);
  await tell("toggle");
  await wait();
  assert.deepEqual(done, ["drawn", "drawn"]);
  root.open = false;
  await tell("toggle");
  await wait();
  assert.deepEqual(done, ["drawn", "drawn", "forgotten"]);
});

test("a panel in a tab that nobody sees asks for nothing until the tab is looked at", async (t) => {
  const { done, tell, wait } = openPanel(t);
  await tell("toggle");
  document.hidden = true;
  await tell("visibilitychange");
  await wait();
  assert.deepEqual(done, ["drawn", "forgotten"]);
  document.hidden = false;
  await tell("visibilitychange");
  await wait();
  assert.deepEqual(done, ["drawn", "forgotten", "drawn", "drawn"]);
});
