// What could not be processed, joined to its saga, to be corrected and replayed. There only when there is something.

import {
  arrangeChildren, cloneTemplate, keepFocusNear, partsOf, setAttribute, setHidden, setSign, setText,
} from "../lib/dom.js";
import { attempt, sendJson } from "../lib/http.js";
import { clockTime, count, prettyPayload } from "../model/words.js";
import { setBannerHidden } from "./banner.js";
import { connectPolledPanel } from "./polled-panel.js";

const LISTED = 100;
const OPEN = { label: "not replayed", icon: "alert", tone: "bad" };
const ASKED = { label: "on its way again", icon: "busy", tone: "busy" };
const REPLAYED = { label: "replayed", icon: "check", tone: "good" };

export function createDeadLetters(root) {
  const parts = partsOf(root);
  let items = new Map();
  const refresh = connectPolledPanel(root, { url: `/api/dead-letters?limit=${LISTED}`, problem: parts.problem, draw });
  let shown = 0;
  if (location.hash === `#${root.id}`) root.open = true;
  // A history on this page leads here as well, and a place that is there already is no news for the browser.
  document.addEventListener("click", ({ target }) => {
    if (target.closest(`a[href$="#${root.id}"]`)) root.open = true;
  });

  // An item stays, and with it what somebody has typed into it, also when newer ones have taken its place.
  function draw({ dead_letters: letters, next }) {
    const listed = new Map(letters.map((letter) => [letter.id, items.get(letter.id) ?? createLetter(letter, refresh)]));
    for (const letter of letters) listed.get(letter.id).update(letter);
    for (const [id, item] of items) if (!listed.has(id) && item.isInUse()) listed.set(id, item);
    items = listed;
    arrangeChildren(parts.letters, [...items.values()].map(({ element }) => element));
    setHidden(parts.cut, next === null);
  }

  return {
    update({ counters }) {
      const total = counters?.dead_letters ?? 0;
      setBannerHidden(root, total === 0);
      setText(parts.count, count(total));
      if (total !== shown) refresh();
      shown = total;
    },
  };
}

function createLetter(letter, refresh) {
  const element = cloneTemplate("letter");
  const parts = partsOf(element);
  const { value } = parts.form.elements;
  drawLetter(parts, letter);
  value.value = prettyPayload(letter.value ?? "");
  const asItWas = value.value;

  parts.form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const url = `/api/dead-letters/${letter.id}/replay`;
    const correction = value.value === asItWas ? {} : { value: value.value };
    if (await attempt(parts.refused, async () => update(await sendJson("POST", url, correction)))) refresh();
  });

  function update({ replay_asked: isAsked, replayed_at: at }) {
    setSign(parts.state, at ? REPLAYED : isAsked ? ASKED : OPEN);
    keepFocusNear(element, () => setHidden(parts.repair, isAsked));
  }

  function isInUse() {
    const isChanged = !parts.repair.hidden && value.value !== asItWas;
    return isChanged || element.contains(document.activeElement);
  }

  return { element, update, isInUse };
}

function drawLetter(parts, { reason, service, topic, partition, offset, saga_id: sagaId, at }) {
  setText(parts.reason, reason);
  const where = `${topic}, partition ${partition ?? "–"}, offset ${offset ?? "–"}`;
  setText(parts.place, `${where} · ${service} · ${clockTime(at)}`);
  setHidden(parts.saga, !sagaId);
  if (sagaId) setAttribute(parts.saga, "href", `/sagas/${encodeURIComponent(sagaId)}`);
}
