// One trace event in a history: when, what, who, where in the log, and the message itself.

import { cloneTemplate, partsOf, setHidden, setSign, setText } from "../lib/dom.js";
import { EVENT_KINDS, lookOf } from "../model/states.js";
import { clockTime, prettyPayload } from "../model/words.js";

export function createEvent(event, startedAt) {
  const element = cloneTemplate("event");
  const parts = partsOf(element);
  setText(parts.after, afterWords(event.at, startedAt));
  setText(parts.at, clockTime(event.at));
  parts.at.dateTime = event.at;
  setSign(parts.kind, lookOf(EVENT_KINDS, event.kind));
  setText(parts.service, event.service);
  setText(parts.step, stepWords(event));
  drawPlace(parts, event);
  drawMessage(element, parts, event);
  return element;
}

function afterWords(at, startedAt) {
  const seconds = Math.max(0, Date.parse(at) - Date.parse(startedAt)) / 1000;
  return `+${seconds.toFixed(2)} s`;
}

function stepWords({ step, attempt }) {
  if (!step) return "";
  return attempt > 1 ? `${step}, attempt ${attempt}` : step;
}

function drawPlace(parts, { topic, partition, offset }) {
  setText(parts.topic, topic ?? "");
  setText(parts.place, topic === null ? "" : `partition ${partition ?? "–"}, offset ${offset ?? "–"}`);
}

function drawMessage(element, parts, { key, payload, headers, detail }) {
  setText(parts.key, key ?? "none");
  const extras = Object.entries({ headers, detail }).filter(([, value]) => Object.keys(value ?? {}).length > 0);
  const shown = [payload === null ? null : prettyPayload(payload), ...extras.map(labelled)];
  setText(parts.payload, shown.filter(Boolean).join("\n\n"));
  setHidden(element.querySelector("details"), parts.payload.textContent === "");
}

function labelled([name, value]) {
  return `${name}: ${JSON.stringify(value, null, 2)}`;
}
