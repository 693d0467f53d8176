// Says, above the table, which services somebody has stopped and how much waits for them; and starts them again.

import { partsOf, setText } from "../lib/dom.js";
import { attempt, sendJson } from "../lib/http.js";
import { backlogWords } from "../model/words.js";
import { setBannerHidden } from "./banner.js";

export function createStopped(root, { dispatch }) {
  const parts = partsOf(root);
  let stopped = [];
  parts.start.addEventListener("click", () => attempt(parts.problem, async () => {
    for (const { name } of stopped) {
      dispatch({ type: "service", service: await sendJson("PATCH", `/api/services/${name}`, { running: true }) });
    }
  }));

  return {
    update({ services }) {
      stopped = [...services.values()].filter(({ running }) => !running);
      setText(parts.names, `Stopped: ${stopped.map(({ name }) => name).join(", ")}.`);
      setText(parts.words, backlogWords(stopped));
      setBannerHidden(root, stopped.length === 0);
    },
  };
}
