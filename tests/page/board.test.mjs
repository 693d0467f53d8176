// The board's rules: what each message of the server makes of it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createBoard, HELD_ROWS, missesStuck, reduce, STUCK_ROWS } from "../../static/js/model/board.js";

const NOW = "2026-01-01T00:00:00Z";
const COUNTERS = { accepted: 0, running: 0, completed: 0, stuck: 0, out_of_order: 0, dead_letters: 0, waiting: 0 };
const OPENED = { type: "opened" };
const STUCK_ONLY = { type: "only", statuses: "stuck" };

function row(number, changes = {}) {
  return { saga_id: `s${number}`, seq: number, number, user: { name: `User ${number}` }, finished: null, ...changes };
}

function snapshot(sagas, changes = {}) {
  return {
    type: "snapshot", run: "monday", seq: 10, trace: true, now: NOW, received_at: Date.parse(NOW), sagas, older: null,
    counters: COUNTERS, services: [], health: [], ...changes,
  };
}

function delta(sagas, changes = {}) {
  return { type: "delta", seq: 11, now: NOW, received_at: Date.parse(NOW), sagas, counters: COUNTERS, ...changes };
}

function boardOf(...messages) {
  return messages.reduce(reduce, createBoard());
}

const numbers = (board) => [...board.sagas.values()].map(({ number }) => number);

test("a snapshot replaces the board", () => {
  const board = boardOf(snapshot([row(1), row(2)]), snapshot([row(3)], { trace: false }));
  assert.deepEqual(numbers(board), [3]);
  assert.equal(board.trace, false);
});

const BACK = [snapshot([row(1)]), OPENED, snapshot([row(2)], { seq: 20 })];

test("a snapshot after a reconnect is merged, and the held seq stays until the answer to resume", () => {
  const board = boardOf(...BACK);
  assert.deepEqual(numbers(board), [1, 2]);
  assert.deepEqual([board.awaits, board.seq], ["answer", 10]);
});

test("only one snapshot of a connection is merged: if too much was missed, the next one replaces the board", () => {
  const board = boardOf(...BACK, snapshot([row(3)], { seq: 21 }));
  assert.deepEqual([numbers(board), board.awaits, board.seq], [[3], "changes", 21]);
});

test("what changes before the answer to resume is shown, and does not move the held seq", () => {
  const board = boardOf(...BACK, delta([row(2, { seq: 22 })], { seq: 22 }));
  assert.deepEqual([board.sagas.get("s2").seq, board.seq], [22, 10]);
});

for (const [what, answer, seq] of [
  ["what was missed", delta([row(1, { seq: 15 })], { seq: 22, resumed: true }), 22],
  ["that nothing was missed", { type: "health", seq: 10, health: [], resumed: true }, 10],
]) {
  test(`an answer to resume that tells ${what} lets the held seq move again`, () => {
    assert.equal(boardOf(...BACK, answer).seq, seq);
    assert.equal(boardOf(...BACK, answer, delta([], { seq: 23 })).seq, 23);
  });
}

test("a health message that is no answer does not let the held seq move", () => {
  assert.equal(boardOf(...BACK, { type: "health", seq: 20, health: [] }, delta([], { seq: 22 })).seq, 10);
});

test("after a second cut the answer is awaited anew", () => {
  const board = boardOf(...BACK, delta([], { seq: 22 }), OPENED, snapshot([], { seq: 30 }), delta([], { seq: 31 }));
  assert.equal(board.seq, 10);
});

for (const [what, changes] of [
  ["has come less far", { seq: 3 }], ["has another name", { seq: 40, run: "tuesday" }], ["is of the other mode", { trace: false }],
]) {
  test(`a snapshot after a reconnect that ${what} replaces the board`, () => {
    const board = boardOf(snapshot([row(1)]), OPENED, snapshot([row(2)], changes));
    assert.deepEqual([numbers(board), board.awaits], [[2], "changes"]);
  });
}

test("a delta replaces rows by saga", () => {
  const board = boardOf(snapshot([row(1)]), delta([row(1, { seq: 11, status: "completed" })]));
  assert.equal(board.sagas.get("s1").status, "completed");
  assert.equal(board.seq, 11);
});

for (const seq of [0, 1]) {
  test(`a row with seq ${seq} is not newer than the one held, and changes nothing`, () => {
    const before = boardOf(snapshot([row(1, { status: "completed" })]));
    assert.equal(reduce(before, delta([row(1, { seq, status: "running" })])).sagas, before.sagas);
  });
}

test("a repeated delta leaves the rows as they are", () => {
  const once = boardOf(snapshot([]), delta([row(1)]));
  assert.equal(reduce(once, delta([row(1)])).sagas, once.sagas);
});

test("an older page is added below", () => {
  const board = boardOf(snapshot([row(9)], { older: 9 }), { type: "page", before: 9, sagas: [row(8)], older: 8 });
  assert.deepEqual([numbers(board), board.older], [[9, 8], 8]);
});

test("an older page that was asked for before the board was another one is ignored", () => {
  const before = boardOf(snapshot([row(9)], { older: 5, trace: false }), snapshot([row(9)], { older: 9 }));
  assert.equal(reduce(before, { type: "page", before: 5, sagas: [row(4)], older: 4 }), before);
});

test("a page is asked for once, and once more of a board that is another one", () => {
  const asked = boardOf(snapshot([row(9)], { older: 9, trace: false }), { type: "older-asked", before: 9 });
  assert.equal(asked.olderAsked, 9);
  assert.equal(reduce(asked, snapshot([row(9)], { older: 9 })).olderAsked, null);
});

test("services that changed replace those held; the others stay", () => {
  const services = [{ name: "a", state: "running" }, { name: "b", state: "running" }];
  const board = boardOf(snapshot([], { services }), delta([], { services: [{ name: "b", state: "gone" }] }));
  assert.deepEqual([...board.services.values()].map(({ state }) => state), ["running", "gone"]);
});

test("beyond the limit the oldest rows are let go and can be asked for again", () => {
  const rows = Array.from({ length: HELD_ROWS * 1.1 + 1 }, (_, index) => row(index + 1));
  const board = boardOf(snapshot([]), delta(rows));
  assert.equal(board.sagas.size, HELD_ROWS);
  assert.equal(board.older, rows.length - HELD_ROWS + 1);
});

const MANY = Array.from({ length: HELD_ROWS * 1.1 }, (_, index) => row(index + 2, { status: "completed" }));

test("however old, what is stuck stays, and so does what is open", () => {
  const old = snapshot([row(1, { status: "stuck" }), row(2, { seq: 9 }), row(3, { seq: 9 })]);
  const board = boardOf(old, { type: "toggle", saga_id: "s2" }, delta(MANY));
  assert.deepEqual(["s1", "s2", "s3"].map((id) => board.sagas.has(id)), [true, true, false]);
});

test("stuck sagas that are counted and not held are missed, if somebody wants to see them", () => {
  const counters = { ...COUNTERS, stuck: 2 };
  const board = boardOf(snapshot([row(9, { status: "stuck" })], { counters }));
  assert.equal(missesStuck(board), false);
  assert.equal(missesStuck(reduce(board, STUCK_ONLY)), true);
  const found = { type: "found", sagas: [row(9, { status: "stuck" }), row(1, { status: "stuck" })] };
  assert.equal(missesStuck([STUCK_ONLY, found].reduce(reduce, board)), false);
});

test("no more stuck sagas are missed than can be asked for", () => {
  const rows = Array.from({ length: STUCK_ROWS }, (_, index) => row(index, { status: "stuck" }));
  assert.equal(missesStuck(boardOf(snapshot(rows, { counters: { ...COUNTERS, stuck: 5_000 } }), STUCK_ONLY)), false);
});

test("what is found for somebody who traces nothing has no steps", () => {
  const board = boardOf(snapshot([], { trace: false }), { type: "found", sagas: [row(1, { steps: [] })] });
  assert.equal("steps" in board.sagas.get("s1"), false);
});

test("the clock follows the server only when the difference is worth it", () => {
  const near = delta([], { now: "2026-01-01T00:00:00.100Z" });
  const far = delta([], { now: "2026-01-01T00:01:00Z" });
  assert.equal(boardOf(snapshot([]), near).clockOffsetMs, 0);
  assert.equal(boardOf(snapshot([]), far).clockOffsetMs, 60_000);
});

test("one history is open at a time, and the same row closes it", () => {
  const toggle = (saga_id) => ({ type: "toggle", saga_id });
  assert.equal(boardOf(toggle("a"), toggle("b")).view.open, "b");
  assert.equal(boardOf(toggle("a"), toggle("a")).view.open, null);
});

test("a history that comes after its row was closed is dropped", () => {
  assert.equal(boardOf({ type: "history", saga_id: "a", events: [] }).history, null);
});

test("a failed refresh keeps the history that is shown", () => {
  const board = boardOf({ type: "toggle", saga_id: "a" }, { type: "history", saga_id: "a", events: ["e"] },
    { type: "history", saga_id: "a", problem: "no" });
  assert.deepEqual(board.history, { events: ["e"], problem: "no" });
});

test("what to show is part of the view, and stays over a delta", () => {
  const board = boardOf(snapshot([row(1)]), { type: "only", statuses: "stuck" }, delta([row(2)]));
  assert.equal(board.view.only, "stuck");
});

test("a message of an unknown type changes nothing", () => {
  const board = createBoard();
  assert.equal(reduce(board, { type: "from the future" }), board);
});

function service(seq, state, changes = {}) {
  return { name: "notifier", seq, state, ...changes };
}

for (const [seq, shown] of [[4, "running"], [5, "stopped"], [6, "stopped"]]) {
  test(`an answer about a service with seq ${seq} leaves it ${shown} where seq 5 is held`, () => {
    const held = snapshot([], { services: [service(5, "running")] });
    const board = boardOf(held, { type: "service", service: service(seq, "stopped") });
    assert.equal(board.services.get("notifier").state, shown);
  });
}

for (const [statuses, open] of [["stuck", "s1"], ["", "s1"], ["completed", null]]) {
  test(`with "${statuses}" listed, the stuck saga that was open is ${open ? "still open" : "closed"}`, () => {
    const opened = [snapshot([row(1, { status: "stuck" })]), { type: "toggle", saga_id: "s1" }];
    assert.equal(boardOf(...opened, { type: "only", statuses }).view.open, open);
  });
}
