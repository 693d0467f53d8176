// What could not be processed. The panel is there only when there is something to show.

import { cloneTemplate, partsOf, setHidden, setText } from "../lib/dom.js";
import { clockTime, count, prettyPayload } from "../model/words.js";
import { connectPolledPanel } from "./polled-panel.js";

export function createDeadLetters(root) {
  const parts = partsOf(root);
  const draw = ({ dead_letters: letters }) => parts.letters.replaceChildren(...letters.map(drawLetter));
  const refresh = connectPolledPanel(root, { url: "/api/dead-letters", problem: parts.problem, draw });
  let shown = 0;

  return {
    update({ counters }) {
      const total = counters?.dead_letters ?? 0;
      setHidden(root, total === 0);
      setText(parts.count, count(total));
      if (total !== shown) refresh();
      shown = total;
    },
  };
}

function drawLetter({ reason, service, topic, partition, offset, value, at }) {
  const item = cloneTemplate("letter");
  const parts = partsOf(item);
  setText(parts.reason, reason);
  const where = `${topic}, partition ${partition ?? "–"}, offset ${offset ?? "–"}`;
  setText(parts.place, `${where} · ${service} · ${clockTime(at)}`);
  setText(parts.value, prettyPayload(value));
  return item;
}
