// What the page says of sagas that fail, and what it asks for when they shall.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chipsOf, faultsFrom, valuesOf } from "../../static/js/model/faults.js";
import { brokenRequest } from "../../static/js/model/request.js";
import { rescuesOf } from "../../static/js/model/rescue.js";
import { LOOKS, SERVICE_STATES, STEP_STATES } from "../../static/js/model/states.js";
import { attemptWords, saidWords, standingOf, statusWords, undoneWords } from "../../static/js/model/steps.js";

const NOW = Date.parse("2026-01-01T00:00:00Z");

function step(name, status, changes = {}) {
  return { name, status, attempts: 1, undo_attempts: 0, result: null, error: null, next_attempt_at: null, ...changes };
}

for (const [status, attempts, undoAttempts, words] of [
  ["done", 1, 0, ""],
  ["retrying", 3, 0, "attempt 3"],
  ["undo failed", 3, 2, "attempt 2"],
  ["stuck", 1, 8, "attempt 8"],
]) {
  test(`${status} after ${attempts} attempts and ${undoAttempts} at undoing is "${words}"`, () => {
    assert.equal(attemptWords({ status, attempts, undo_attempts: undoAttempts }), words);
  });
}

for (const [status, word] of [["retrying", "retry in 2.0 s"], ["undo failed", "undo in 2.0 s"]]) {
  test(`a step that is ${status} counts down to its next attempt`, () => {
    const waiting = step("car", status, { next_attempt_at: "2026-01-01T00:00:02Z" });
    assert.equal(statusWords(waiting, STEP_STATES[status].label, NOW), word);
  });
}

for (const [status, hasEnded, wanted] of [
  ["waiting", false, "waiting"], ["waiting", true, "not reached"], ["done", true, "done"],
]) {
  test(`a step that is ${status} in a saga that has ${hasEnded ? "" : "not "}ended is "${wanted}"`, () => {
    assert.equal(standingOf(step("car", status), { ended_at: hasEnded ? "2026-01-01T00:00:00Z" : null }), wanted);
  });
}

test("an error is told rather than the result", () => {
  assert.equal(saidWords(step("car", "stuck", { result: { booking: "CA-1" }, error: "closed" })), "closed");
});

const FULL = [step("plane", "undone"), step("hotel", "failed"), step("tickets", "undone")];
for (const [status, steps, words] of [
  ["compensated", FULL, "undone: tickets, plane"],
  ["compensating", [step("car", "undone"), step("hotel", "undoing")], "undone: car"],
  ["compensated", [step("car", "failed"), step("hotel", "waiting")], "nothing had to be undone"],
  ["compensated", [step("car", "refused")], "nothing had to be undone"],
  ["completed", [step("car", "done")], ""],
  ["compensated", undefined, ""],
]) {
  test(`${status} with ${steps?.map((one) => one.status) ?? "no steps"} says "${words}"`, () => {
    assert.equal(undoneWords({ status, steps }), words);
  });
}

function rescues(status, steps, changes = {}) {
  const can = rescuesOf({ status, ended_at: null, rolling_back: false, steps, ...changes });
  return [...["retry", "roll-back"].filter((name) => can[name]), ...can.resolve];
}

for (const [what, found, wanted] of [
  ["runs well", rescues("running", [step("car", "received")]), ["roll-back"]],
  ["waits for an attempt", rescues("running", [step("car", "retrying")]), ["retry", "roll-back"]],
  ["lost a message", rescues("stuck", [step("car", "done"), step("hotel", "waiting")]), ["retry", "roll-back"]],
  ["goes back", rescues("compensating", [step("car", "undoing"), step("hotel", "failed")]), []],
  ["is being rolled back", rescues("running", [step("car", "received")], { rolling_back: true }), []],
  ["cannot undo", rescues("stuck", [step("car", "stuck"), step("hotel", "failed")]), ["retry", "car"]],
  ["has ended", rescues("completed", [step("car", "done")], { ended_at: "2026-01-01T00:00:00Z" }), []],
]) {
  test(`a saga that ${what} offers ${wanted.join(", ") || "nothing"}`, () => assert.deepEqual(found, wanted));
}

for (const [service, words] of [
  [{}, []],
  [{ faults: { fail_rate: 1 } }, ["always fails doing any step"]],
  [{ faults: { fail_rate: 0.25, retryable: false, step: "plane" } }, ["25 % fails doing plane, for good"]],
  [{ faults: { fail_rate: 1, action: "undo" } }, ["always fails undoing any step"]],
  [{ faults: { drop_rate: 0.1, delay_rate: 1, delay_ms: 500 } }, ["10 % lost", "100 % late by 500 ms"]],
  [{ faults: { seed: 7 } }, []],
  [{ armed: { fail_next: 1 } }, ["next 1 fails"]],
  [{ armed: { crash_at: "after producing" } }, ["crashes after producing"]],
]) {
  test(`${JSON.stringify(service)} is told as ${words.join(", ") || "nothing"}`, () => {
    assert.deepEqual(chipsOf(service), words);
  });
}

const ON = {
  faults: { fail_rate: 0.3, retryable: false, action: "undo", step: "plane", error: "no", drop_rate: 0.125, seed: 7 },
  armed: { crash_at: "after producing" },
};

test("the form shows what is on, and sent unchanged it asks for the same", () => {
  const { armed, faults } = ON;
  const sent = faultsFrom(valuesOf(ON));
  assert.equal(sent.crash_at, armed.crash_at);
  for (const [name, value] of Object.entries(faults)) assert.equal(sent[name], value, name);
});

for (const [failing, wanted] of [
  ["none", { fail_rate: 0 }], ["always", { fail_rate: 1 }], ["rate", { fail_rate: 0.3 }], ["next", { fail_next: 1 }],
]) {
  test(`attempts that fail: ${failing}`, () => {
    const { fail_rate, fail_next } = faultsFrom({ ...valuesOf({}), failing });
    assert.deepEqual(JSON.parse(JSON.stringify({ fail_rate, fail_next })), wanted);
  });
}

test("what is no number goes to the server as it is", () => {
  const sent = faultsFrom({ ...valuesOf({}), dropPercent: "much", seed: "" });
  assert.deepEqual([sent.drop_rate, sent.seed], ["much", ""]);
});

const FORM = {
  scenario: "trip", style: "orchestration", step: "", failures: "", retryable: false, error: "", undo: "",
  undoFailures: "", count: "3",
};
for (const [changes, faults] of [
  [{}, undefined],
  [{ step: "car", failures: "5", retryable: true }, { car: { failures: 5, retryable: true } }],
  [{ step: "car", error: " full " }, { car: { failures: null, retryable: false, error: "full" } }],
  [{ undo: "car" }, { car: { action: "undo", failures: null, retryable: true } }],
]) {
  test(`the form ${JSON.stringify(changes)} asks for ${JSON.stringify(faults)}`, () => {
    const request = brokenRequest({ ...FORM, ...changes });
    assert.deepEqual([request.faults, request.count], [faults, 3]);
  });
}

for (const state of ["starting", "running", "stopping", "stopped", "failing", "restarting", "gone"]) {
  test(`a service that is ${state} has a sign`, () => assert.equal(SERVICE_STATES[state].label, state));
}

for (const [table, looks] of Object.entries(LOOKS)) {
  test(`no two looks of ${table} have the same word`, () => {
    const words = Object.values(looks).map(({ label }) => label);
    assert.equal(new Set(words).size, words.length);
  });
}
