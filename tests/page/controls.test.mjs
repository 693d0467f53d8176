// What single components do with what they are told, on as much of a document as they touch.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createCounters } from "../../static/js/components/counters.js";
import { connectMany } from "../../static/js/components/onboard.js";
import { connectShortcuts } from "../../static/js/components/shortcuts.js";
import { createStuck } from "../../static/js/components/stuck.js";
import { createToolbar } from "../../static/js/components/toolbar.js";

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

function part(name) {
  const node = { textContent: "", hidden: false, addEventListener: ignore, toggleAttribute: ignore };
  return { ...node, dataset: { part: name }, contains: () => false };
}

function boardWith({ stuck, held = 0, only = "stuck" }) {
  const sagas = new Map(Array.from({ length: held }, (_, index) => [`s${index}`, { status: "stuck" }]));
  return { sagas, counters: { stuck }, view: { only } };
}

/** The notice of stuck sagas, before a server with these answers, the last of them for ever. */
function stuckNotice(...answers) {
  const asked = [];
  const dispatched = [];
  globalThis.fetch = async (url) => {
    asked.push(url);
    return answers.length > 1 ? answers.shift() : answers[0];
  };
  const parts = ["words", "show", "retry", "problem"].map(part);
  const root = { hidden: true, querySelectorAll: () => parts };
  const notice = createStuck(root, { dispatch: (message) => dispatched.push(message) });
  const settle = () => new Promise(setImmediate);
  return { update: notice.update, settle, asked, dispatched };
}

const FOUND = { ok: true, json: async () => ({ sagas: [{ saga_id: "old" }], next: null }) };
const FAILED = { ok: false, status: 503, json: async () => ({ detail: "not now" }) };

test("stuck sagas that are not held are fetched once, if somebody wants to see them", async () => {
  const { update, settle, asked, dispatched } = stuckNotice(FOUND);
  update(boardWith({ stuck: 2, only: "" }));
  update(boardWith({ stuck: 2, held: 2 }));
  assert.deepEqual(asked, []);
  for (let frame = 0; frame < 3; frame += 1) update(boardWith({ stuck: 2, held: 1 }));
  await settle();
  assert.equal(asked.length, 1);
  assert.deepEqual(dispatched.map(({ type, sagas }) => [type, sagas.length]), [["found", 1]]);
});

test("stuck sagas that could not be fetched are fetched again, but not with each news", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { update, settle, asked, dispatched } = stuckNotice(FAILED, FOUND);
  const tell = async () => {
    update(boardWith({ stuck: 2 }));
    await settle();
  };
  for (let news = 0; news < 3; news += 1) await tell();
  assert.equal(asked.length, 1);
  mock.timers.tick(10_000);
  await tell();
  assert.deepEqual([asked.length, dispatched.length], [2, 1]);
});

/** The form for many users, before a server that answers when it is told to. */
function manyForm() {
  const button = { disabled: false };
  const [problem, accepted] = ["problem", "accepted"].map(part);
  const found = { querySelector: () => button, querySelectorAll: () => [problem, accepted] };
  const form = { elements: { count: { value: "3" } }, ...found };
  const answers = [];
  form.addEventListener = (_, listener) => (form.submit = () => listener({ preventDefault: ignore }));
  globalThis.document = { querySelector: () => ({ value: "choreography" }) };
  globalThis.fetch = () => new Promise((resolve) => answers.push(resolve));
  connectMany(form);
  const settle = () => new Promise(setImmediate);
  const answer = () => answers.at(-1)({ ok: true, json: async () => ({ saga_ids: ["a", "b", "c"] }) });
  return { form, button, accepted, answers, answer, settle };
}

test("a form that is sent twice asks once, and its button keeps the focus", async () => {
  const { form, button, accepted, answers, answer, settle } = manyForm();
  form.submit();
  form.submit();
  assert.deepEqual([answers.length, button.disabled], [1, false]);
  answer();
  await settle();
  assert.equal(accepted.textContent, "3 users accepted.");
  form.submit();
  assert.equal(answers.length, 2);
});

/** The counter of what waits to be sent, which is there only while something does. */
function waitingCounter() {
  const box = { dataset: { onlySome: "" }, hidden: true };
  const number = { dataset: { count: "waiting" }, textContent: "0", parentElement: box };
  const { update } = createCounters({ querySelectorAll: () => [number] });
  return { box, number, tell: (waiting) => update({ counters: { waiting } }) };
}

test("what waits only for a moment makes no counter come and go", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { box, tell } = waitingCounter();
  tell(1);
  mock.timers.tick(100);
  const meanwhile = box.hidden;
  tell(0);
  mock.timers.tick(10_000);
  assert.deepEqual([meanwhile, box.hidden], [true, true]);
});

test("what goes on waiting is counted until it waits no more", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { box, number, tell } = waitingCounter();
  tell(200);
  mock.timers.tick(300);
  tell(150);
  mock.timers.tick(300);
  assert.deepEqual([box.hidden, number.textContent], [false, "150"]);
  tell(0);
  assert.equal(box.hidden, true);
});

/** What stands where the rows would be, on a board of one saga that nobody is shown. */
function emptyTable(view, older = null) {
  globalThis.document = { querySelectorAll: () => [] };
  const names = ["search", "only", "summary", "emptyTitle", "emptyHint", "showAll", "empty"];
  const parts = Object.fromEntries(names.map((name) => [name, part(name)]));
  const board = { ready: true, trace: true, sagas: new Map([["s", {}]]), counters: {}, older, view };
  createToolbar(parts, { dispatch: ignore }).update(board, 0);
  return { title: parts.emptyTitle.textContent, offersAll: !parts.showAll.hidden };
}

test("that no user has a name is said only where all users are looked at", () => {
  assert.equal(emptyTable({ search: "ada", only: "" }).title, "No user matches “ada”.");
  for (const search of ["", "ada"]) {
    assert.equal(emptyTable({ search, only: "completed" }).title, "No saga is like that.");
  }
});

test("as long as there are older sagas to load, they are still being searched", () => {
  assert.equal(emptyTable({ search: "ada", only: "" }, 7).title, "Searching older sagas…");
});

test("where a choice leaves no saga, all of them are offered", () => {
  assert.equal(emptyTable({ search: "", only: "stuck" }).offersAll, true);
  assert.equal(emptyTable({ search: "ada", only: "" }).offersAll, false);
});
