// A <details> whose content is fetched when it is opened, and every few seconds while it stays open and can be seen: a
// tab that somebody has forgotten asks for nothing.

import { createWatch, getJson } from "../lib/http.js";
import { createLatest } from "../lib/latest.js";

const REFRESH_MS = 5_000;

/**
 * `draw(answer)` is called with each answer, `forget()` when what was drawn may no longer be true: nobody asks any more,
 * or nobody answers. Failures are shown in `problem`. Returns a refresh.
 */
export function connectPolledPanel(root, { url, problem, draw, forget = () => {} }) {
  const watch = createWatch(problem);
  let timer = null;

  const refresh = createLatest(async () => {
    clearTimeout(timer);
    const isSeen = root.open && !document.hidden;
    const isDrawn = isSeen && await watch(async () => draw(await getJson(url)));
    if (!isDrawn) forget();
    if (isSeen) timer = setTimeout(refresh, REFRESH_MS);
  });

  root.addEventListener("toggle", refresh);
  document.addEventListener("visibilitychange", refresh);
  return refresh;
}
