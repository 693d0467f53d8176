// A thread of events, as the server's page of a saga tells it: shown there, and below a row of the table.

import { arrangeChildren, setAttribute, setSign, setText } from "../lib/dom.js";
import { LOOKS, lookOf } from "../model/states.js";
import { clockTime, countdown } from "../model/words.js";

/** Gives the words that the server wrote (`data-look` names their table) their signs, and machine times words. */
export function dress(root, nowMs) {
  for (const sign of root.querySelectorAll("[data-look]")) {
    setSign(sign, lookOf(LOOKS[sign.dataset.look], sign.querySelector("[data-word]").textContent));
    delete sign.dataset.look;
  }
  setTimes(root, nowMs);
}

/** `list` shows the events it is given; one that stands there keeps its open message while others come in. */
export function createThread(list) {
  return {
    update(events, nowMs) {
      const held = new Map([...list.children].map((item) => [item.dataset.ref, item]));
      arrangeChildren(list, events.map((event) => held.get(event.dataset.ref) ?? document.adoptNode(event)));
      dress(list, nowMs);
    },
    tick: (nowMs) => setTimes(list, nowMs),
    clear: () => list.replaceChildren(),
  };
}

/** The words of times and waits that the server wrote for machines: local clock, seconds to go; the whole as title. */
export function setTimes(root, nowMs) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    setText(time, clockTime(time.dateTime));
    setAttribute(time, "title", time.dateTime);
  }
  for (const node of root.querySelectorAll("[data-countdown]")) setText(node, countdown(node.dataset.countdown, nowMs));
}
