// Faults of a service: what is on, in words; and the form that sets them, as the API wants it.

import { numberOf } from "./number.js";

const ALWAYS = 1;

/** Short words for every fault that is on, [] if none is. `armed` waits for its moment and happens once. */
export function chipsOf({ faults = {}, armed = {} }) {
  return [
    failing(faults),
    share(faults.drop_rate, "lost"),
    share(faults.duplicate_rate, "twice"),
    share(faults.delay_rate, `late by ${faults.delay_ms ?? 1000} ms`),
    share(faults.reorder_rate, "overtaken"),
    armed.fail_next ? `next ${armed.fail_next} ${armed.fail_next === 1 ? "fails" : "fail"}` : "",
    armed.crash_at ? `crashes ${armed.crash_at}` : "",
  ].filter(Boolean);
}

function failing({ fail_rate: rate, retryable = true, action = "do", step }) {
  if (!rate) return "";
  const what = `${action === "undo" ? "undoing" : "doing"} ${step ?? "any step"}`;
  const often = rate === ALWAYS ? "always" : percent(rate);
  return `${often} fails ${what}${retryable ? "" : ", for good"}`;
}

function share(rate, what) {
  return rate ? `${percent(rate)} ${what}` : "";
}

function percent(rate) {
  return `${Math.round(rate * 1000) / 10} %`;
}

/** The body of the request, from the form's values, all of them texts but the tick. */
export function faultsFrom(values) {
  return {
    ...failuresFrom(values),
    retryable: values.retryable,
    action: values.action,
    ...(values.step ? { step: values.step } : {}),
    ...(values.error.trim() ? { error: values.error.trim() } : {}),
    drop_rate: rateOf(values.dropPercent),
    duplicate_rate: rateOf(values.duplicatePercent),
    reorder_rate: rateOf(values.reorderPercent),
    delay_rate: rateOf(values.delayPercent),
    delay_ms: numberOf(values.delayMs),
    ...(values.crashAt ? { crash_at: values.crashAt } : {}),
    seed: numberOf(values.seed),
  };
}

function failuresFrom({ failing: choice, failNext, failPercent }) {
  if (choice === "next") return { fail_next: numberOf(failNext) };
  if (choice === "rate") return { fail_rate: rateOf(failPercent) };
  return { fail_rate: choice === "always" ? ALWAYS : 0 };
}

/** The form's values for what is on now. */
export function valuesOf({ faults = {}, armed = {} }) {
  const rate = faults.fail_rate ?? 0;
  const isSome = rate > 0 && rate < ALWAYS;
  return {
    failing: armed.fail_next ? "next" : isSome ? "rate" : rate ? "always" : "none",
    failNext: String(armed.fail_next ?? 1),
    failPercent: String(isSome ? percentOf(rate) : 30),
    step: faults.step ?? "",
    action: faults.action ?? "do",
    retryable: faults.retryable ?? true,
    error: faults.error ?? "",
    dropPercent: String(percentOf(faults.drop_rate ?? 0)),
    duplicatePercent: String(percentOf(faults.duplicate_rate ?? 0)),
    reorderPercent: String(percentOf(faults.reorder_rate ?? 0)),
    delayPercent: String(percentOf(faults.delay_rate ?? 0)),
    delayMs: String(faults.delay_ms ?? 1000),
    crashAt: armed.crash_at ?? "",
    seed: String(faults.seed ?? 0),
  };
}

function percentOf(rate) {
  return Math.round(rate * 1000) / 10;
}

function rateOf(text) {
  const number = numberOf(text);
  return typeof number === "number" ? number / 100 : number;
}
