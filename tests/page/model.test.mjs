// The page's pure functions: order, windowing, the picture of order, words.
import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange } from "../../static/js/model/arrange.js";
import { backoffMs } from "../../static/js/model/backoff.js";
import { lookOf, STEP_STATES } from "../../static/js/model/states.js";
import { weave } from "../../static/js/model/weave.js";
import { drawnRange, offsetOf, rangeOnScreen, WHOLE_ROWS } from "../../static/js/model/window.js";
import {
  backlogWords, clockTime, countdown, duration, elapsedMs, partitionsWords, plural, prettyPayload, resultWords, underWay,
} from "../../static/js/model/words.js";

function sagas(...rows) {
  return new Map(rows.map(([number, finished, name = "Ada"]) => [`s${number}`, {
    saga_id: `s${number}`, number, finished, user: { name }, overtook: 0, overtaken: 0,
  }]));
}

const numbers = (rows) => rows.map(({ number }) => number);

test("newest started first", () => {
  assert.deepEqual(numbers(arrange(sagas([1, 2], [3, 1], [2, null]), { order: "started", search: "" })), [3, 2, 1]);
});

test("newest finished first, what still runs below", () => {
  assert.deepEqual(numbers(arrange(sagas([1, 2], [3, 1], [2, null]), { order: "finished", search: "" })), [1, 3, 2]);
});

for (const search of ["josé", "JOSE", " wojcik ", "é W"]) {
  test(`"${search}" finds José Wójcik`, () => {
    const found = arrange(sagas([1, null, "José Wójcik"], [2, null, "Ada"]), { order: "started", search });
    assert.deepEqual(numbers(found), [1]);
  });
}

for (const [only, found] of [["", [3, 2, 1]], ["stuck", [2]], ["running compensating", [3, 1]]]) {
  test(`only "${only}" lists ${found}`, () => {
    const all = sagas([1, null], [2, null], [3, null]);
    Object.assign(all.get("s1"), { status: "running" });
    Object.assign(all.get("s2"), { status: "stuck" });
    Object.assign(all.get("s3"), { status: "compensating" });
    assert.deepEqual(numbers(arrange(all, { order: "started", search: "", only })), found);
  });
}

test("what is open, or has the focus, stays listed when it becomes another than those wanted", () => {
  const all = sagas([1, null], [2, null], [3, null]);
  for (const saga of all.values()) saga.status = "completed";
  const view = { order: "started", search: "", only: "stuck", open: "s1", focused: "s3" };
  assert.deepEqual(numbers(arrange(all, view)), [3, 1]);
});

test("a time of another day is told with its day", () => {
  const [morning, tomorrow] = [new Date(2026, 10, 17, 9, 5), new Date(2026, 10, 18, 9, 5)];
  const at = morning.toISOString();
  assert.deepEqual([clockTime(at, morning), clockTime(at, tomorrow)], ["09:05:00.000", "17 Nov, 09:05:00.000"]);
});

const LIST = { screen: 600, count: 10_000, rowHeight: 60 };

function drawn(changes) {
  const list = { ...LIST, ...changes };
  return drawnRange(rangeOnScreen(list), list);
}

/** How high the list is: the rows that are drawn, an open one with its history, and the room for the others. */
function heightOf({ first, last, kept, before, gap, after }, open = { index: -1, height: 0 }) {
  const isDrawn = (first <= open.index && open.index < last) || kept === open.index;
  return before + gap + after + (last - first + (kept === null ? 0 : 1)) * 60 + (isDrawn ? open.height : 0);
}

test("as long as there are not too many, all rows are in the document", () => {
  const whole = { first: 0, last: WHOLE_ROWS, kept: null, before: 0, gap: 0, after: 0 };
  assert.deepEqual(drawn({ count: WHOLE_ROWS, scrolled: 3_000, kept: 7 }), whole);
});

test("of very many, only rows near the screen are in the document, and the spacers make up for the rest", () => {
  const range = drawn({ scrolled: 60_000 });
  assert.ok(range.first <= 1000 && range.last >= 1010 && range.last - range.first <= 30);
  assert.equal(heightOf(range), 600_000);
});

for (const scrolled of [-500, 0, 599_400, 900_000]) {
  test(`scrolled by ${scrolled}, the range stays within the list`, () => {
    const { first, last, before, after } = drawn({ scrolled });
    assert.ok(0 <= first && first <= last && last <= 10_000 && before >= 0 && after >= 0);
  });
}

for (const scrolled of [0, 3_000, 30_000]) {
  for (const kept of [null, 20, 50, 9_000]) {
    test(`with an open history, scrolled by ${scrolled}, row ${kept} kept, no room is lost`, () => {
      const open = { index: 50, height: 400 };
      assert.equal(heightOf(drawn({ scrolled, open, kept }), open), 600_400);
    });
  }
}

for (const kept of [3, 9_000]) {
  test(`row ${kept}, which is kept, stands where it would without the window`, () => {
    const { first, last, before, gap, ...range } = drawn({ scrolled: 60_000, kept });
    assert.equal(range.kept, kept);
    assert.equal(kept < first ? before : before + (last - first) * 60 + gap, offsetOf(kept, LIST));
  });
}

test("while a tall history fills the screen, its row stays", () => {
  const { first, last } = drawn({ scrolled: 50 * 60 + 3_000, open: { index: 50, height: 9_000 } });
  assert.ok(first <= 50 && 50 < last);
});

test("threads go from the place by start to the place by finish", () => {
  const threads = weave(sagas([1, 2], [2, 1], [3, 3], [4, null]));
  assert.deepEqual(threads.map(({ number, from, to }) => [number, from, to]), [[2, 1, 0], [1, 0, 1], [3, 2, 2]]);
});

test("only the last finished are drawn", () => {
  const rows = Array.from({ length: 50 }, (_, index) => [index + 1, index + 1]);
  assert.deepEqual(numbers(weave(sagas(...rows), 3)), [48, 49, 50]);
});

for (const [ms, words] of [[0, "0.0 s"], [3_449, "3.4 s"], [59_999, "59.9 s"], [65_000, "1:05 min"], [7_260_000, "2 h 01"]]) {
  test(`${ms} ms are "${words}"`, () => assert.equal(duration(ms), words));
}

for (const [at, words] of [["2026-01-01T00:00:01.400Z", "in 1.4 s"], ["2025-12-31T23:59:59Z", "now"]]) {
  test(`the next attempt at ${at} is "${words}"`, () => {
    assert.equal(countdown(at, Date.parse("2026-01-01T00:00:00Z")), words);
  });
}

test("a duration is never negative, whatever the clocks say", () => {
  assert.equal(elapsedMs({ started_at: "2026-01-01T00:00:10Z", ended_at: "2026-01-01T00:00:09Z" }, 0), 0);
});

for (const [counters, number] of [
  [{ running: 7_581, waiting: 5_500, stuck: 81 }, 2_000],
  [{ running: 1, waiting: 1, stuck: 1 }, 0],
]) {
  test(`${JSON.stringify(counters)}: ${number} under way`, () => assert.equal(underWay(counters), number));
}

for (const [result, words] of [
  [null, ""],
  [{ device_id: "LT-1", model: "X" }, "LT-1"],
  [{ authorizations: ["vpn", "git"] }, "vpn, git"],
  [{ message_id: "m", email: "ada@example.com" }, "ada@example.com"],
  [{ seat: "12A" }, "12A"],
  [{ booking: "CA-1", item: "Fiat 500" }, "Fiat 500, CA-1"],
  [{ booking: "CA-1" }, "CA-1"],
  [{}, ""],
]) {
  test(`the result ${JSON.stringify(result)} is told as "${words}"`, () => assert.equal(resultWords(result), words));
}

for (const [partitions, words] of [
  [[], "no partition"],
  [["notify/0", "notify/1", "notify/2", "notify/5"], "notify 0–2, 5"],
  [["new-user/9", "new-user/10", "notified/3"], "new-user 9–10, notified 3"],
]) {
  test(`partitions are told as "${words}"`, () => assert.equal(partitionsWords(partitions), words));
}

test("a message is indented where only white space changes by that", () => {
  assert.equal(prettyPayload('{"user": "Ada \\" L."}'), '{\n  "user": "Ada \\" L."\n}');
});

for (const payload of ["{oops", "", '{"n":12345678901234567890}', '{"n":1e400}', '{"n":1.0}', '{"a":1,"a":2}', '{"b":1,"2":1}']) {
  test(`${payload || "nothing"} is shown as it stood on the wire`, () => assert.equal(prettyPayload(payload), payload));
}

for (const [backlogs, words] of [
  [[0, 0], "Nothing waits yet."],
  [[1, 0], "1 message waits, and nothing is lost."],
  [[1200, 3], "1,203 messages wait, and nothing is lost."],
]) {
  test(`for stopped services with ${backlogs.join(" and ")} waiting it is told: ${words}`, () => {
    assert.equal(backlogWords(backlogs.map((backlog) => ({ backlog }))), words);
  });
}

test("one and many", () => assert.deepEqual([plural(1, "saga"), plural(2000, "saga")], ["1 saga", "2,000 sagas"]));

test("an unknown state is shown by its own name", () => assert.equal(lookOf(STEP_STATES, "toString").label, "toString"));

test("attempts to connect come ever later, up to a limit, and never at once", () => {
  const waits = [0, 1, 2, 3, 30].map((attempt) => backoffMs(attempt, 0));
  assert.deepEqual(waits, [200, 400, 800, 1_600, 4_000]);
  assert.equal(backoffMs(30, 1), 8_000);
});
