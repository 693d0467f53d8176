// What is said of requests that fail, and how often.
import assert from "node:assert/strict";
import { test } from "node:test";

import { attempt, createWatch, getJson, getPage, Refused, sendJson } from "../../static/js/lib/http.js";

/** A live region that remembers all that was ever written into it. */
function liveRegion() {
  const written = [];
  return {
    written,
    hidden: true,
    get textContent() {
      return written.at(-1) ?? "";
    },
    set textContent(words) {
      written.push(words);
    },
    toggleAttribute() {},
  };
}

async function refuse() {
  throw new Refused("not now");
}

async function succeed() {}

test("a person who tries again is told again", async () => {
  const place = liveRegion();
  for (let time = 0; time < 3; time += 1) await attempt(place, refuse);
  assert.deepEqual(place.written, ["not now", "not now", "not now"]);
});

test("what the page tries again and again is told once, until it succeeds", async () => {
  const place = liveRegion();
  const watch = createWatch(place);
  for (let time = 0; time < 3; time += 1) await watch(refuse);
  assert.deepEqual([place.written, place.hidden], [["not now"], false]);
  await watch(succeed);
  assert.deepEqual([place.textContent, place.hidden], ["", true]);
  await watch(refuse);
  assert.equal(place.textContent, "not now");
});

test("what the page tries in between does not take back what a person was told", async () => {
  const place = liveRegion();
  const watch = createWatch(place);
  await watch(succeed);
  await attempt(place, refuse);
  await watch(succeed);
  assert.deepEqual([place.textContent, place.hidden], ["not now", false]);
});

for (const [end, answer] of [["refused", refuse], ["done", succeed]]) {
  test(`what is ${end} when the control is about something else by then is not told there`, async () => {
    const place = liveRegion();
    assert.equal(await attempt(place, answer, { isWanted: () => false }), false);
    assert.deepEqual(place.written, []);
  });
}

test("an answer that is cut off is told as none", async () => {
  const place = liveRegion();
  const body = new ReadableStream({ start: (controller) => controller.error(new TypeError("terminated")) });
  globalThis.fetch = async () => new Response(body);
  assert.equal(await attempt(place, () => getJson("/api/services")), false);
  assert.match(place.textContent, /does not answer/);
});

/** A server that says nothing, or only `begins` to. Returns what lets the page's patience come to an end. */
function silentServer({ mock }, { begins = false } = {}) {
  const patience = new AbortController();
  mock.method(AbortSignal, "timeout", () => patience.signal);
  globalThis.fetch = async (url, { signal }) => {
    const end = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    end.catch(() => {}); // it may come to that before anybody reads
    return begins ? { ok: true, json: () => end, text: () => end } : end;
  };
  return () => patience.abort();
}

for (const [what, ask] of [["answer", getJson], ["HTML page", getPage]]) {
  for (const begins of [false, true]) {
    test(`an ${what} that ${begins ? "never ends" : "does not come"} is given up`, async (t) => {
      const runOut = silentServer(t, { begins });
      const place = liveRegion();
      const attempted = attempt(place, () => ask("/sagas/1"));
      runOut();
      assert.equal(await attempted, false);
      assert.match(place.textContent, /does not answer/);
    });
  }
}

test("what changes something is waited for: it may be under way", async (t) => {
  const runOut = silentServer(t);
  let isOver = false;
  attempt(liveRegion(), () => sendJson("POST", "/api/sagas")).then(() => (isOver = true));
  runOut();
  await new Promise(setImmediate);
  assert.equal(isOver, false);
});

for (const [what, ask, advice] of [
  ["asked", () => getJson("/api/services"), /Try again when the connection is back/],
  ["changed something", () => sendJson("POST", "/api/sagas"), /may have done it all the same: look before/],
]) {
  test(`who ${what} and loses the answer is told what to do`, async () => {
    const place = liveRegion();
    globalThis.fetch = () => Promise.reject(new TypeError("Failed to fetch"));
    await attempt(place, ask);
    assert.match(place.textContent, advice);
  });
}
