// The services: how each feels, which faults are on, and the controls to stop, slow, break or kill it.

import { partsOf, setData, setHidden, setSign, setText } from "../lib/dom.js";
import { attempt, sendJson } from "../lib/http.js";
import { chipsOf } from "../model/faults.js";
import { numberOf } from "../model/number.js";
import { detailOf, instanceWords, livingOf, rateWords, replicasWords } from "../model/replicas.js";
import { lookOf, SERVICE_STATES } from "../model/states.js";
import { count, plural } from "../model/words.js";
import { connectPolledPanel } from "./polled-panel.js";

/** `openFaults(service, steps)` is called when somebody wants to set a service's faults. */
export function createServices(root, { dispatch, openFaults }) {
  const cards = new Map();
  for (const item of root.querySelectorAll("[data-service]")) {
    cards.set(item.dataset.service, createCard(item, { dispatch, openFaults }));
  }
  return {
    update({ services }) {
      for (const [name, service] of services) cards.get(name)?.(service);
    },
  };
}

function createCard(item, { dispatch, openFaults }) {
  const parts = partsOf(item);
  const url = `/api/services/${encodeURIComponent(item.dataset.service)}`;
  const steps = item.dataset.steps.split(" ").filter(Boolean);
  let shown = null;

  const refresh = ({ services }) => {
    const service = services.find(({ name }) => name === item.dataset.service);
    if (service) dispatch({ type: "service", service });
  };
  const change = (wish) => attempt(parts.problem, async () => {
    dispatch({ type: "service", service: await sendJson("PATCH", url, wish) });
  });
  parts.toggle.addEventListener("click", () => change({ running: !shown.running }));
  parts.faults.addEventListener("click", () => openFaults(shown, steps));
  parts.kill.addEventListener("click", () => attempt(parts.problem, () => sendJson("POST", `${url}/kill`)));
  // That its instances beat on is no news for the socket, so whoever looks at them asks.
  connectPolledPanel(item.querySelector("details"), { url: "/api/services", problem: parts.problem, draw: refresh });
  parts.lag.addEventListener("submit", async (event) => {
    event.preventDefault();
    const lag = lagOf(parts.lag);
    if (await change({ lag_ms: lag })) noteLag(parts.lag, lag);
  });

  return (service) => {
    if (service === shown) return;
    shown = service;
    drawState(item, parts, service);
    drawChips(parts.chips, chipsOf(service));
    drawFigures(parts, service);
    drawProcess(parts, service);
    drawLag(parts.lag, service);
  };
}

function drawState(item, parts, service) {
  const { name, topics, state, running } = service;
  const detail = detailOf(service);
  setData(item, "state", state);
  setSign(parts.state, lookOf(SERVICE_STATES, state));
  setText(parts.title, `reads ${topics.join(", ")}`);
  setText(parts.detail, detail);
  setHidden(parts.detail, !detail);
  setText(parts.toggle, running ? "Stop" : "Start");
  parts.toggle.setAttribute("aria-label", `${running ? "Stop" : "Start"} ${name}`);
  for (const button of [parts.toggle, parts.faults]) button.disabled = false;
}

function drawChips(list, words) {
  setHidden(list, words.length === 0);
  drawLines(list, words);
}

function drawFigures(parts, { in_flight: inFlight, backlog, rate }) {
  setText(parts.in_flight, count(inFlight));
  setText(parts.backlog, count(backlog));
  setText(parts.rate, rateWords(rate));
}

function drawProcess(parts, { partitions, restarts, instances }) {
  const words = [plural(livingOf(instances).length, "process", "processes"), plural(partitions, "partition")];
  if (restarts > 0) words.push(`restarted ${plural(restarts, "time")}`);
  setText(parts.place, words.join(", "));
  drawLines(parts.instances, instances.map(instanceWords));
  setText(parts.replicas, replicasWords(instances));
  setHidden(parts.replicas, !parts.replicas.textContent);
}

function drawLines(list, lines) {
  if (lines.join("\n") === [...list.children].map((line) => line.textContent).join("\n")) return;
  const createLine = (line) => Object.assign(document.createElement("li"), { textContent: line });
  list.replaceChildren(...lines.map(createLine));
}

// What somebody is typing is not overwritten.
function drawLag(form, { lag_ms: lag }) {
  const isChanged = fieldsOf(form).some((field) => field.value !== field.defaultValue);
  if (isChanged && form.contains(document.activeElement)) return;
  noteLag(form, lag);
  form.reset();
}

/** What the service takes, as far as the fields are concerned: what differs from it is being typed. */
function noteLag(form, lag) {
  fieldsOf(form).forEach((field, index) => (field.defaultValue = lag[index]));
}

function lagOf(form) {
  return fieldsOf(form).map(({ value }) => numberOf(value));
}

function fieldsOf({ elements: { min, max } }) {
  return [min, max];
}
