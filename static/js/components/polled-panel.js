// A <details> whose content is fetched when it is opened, and every few seconds while it stays open.

import { createWatch, getJson } from "../lib/http.js";

const REFRESH_MS = 5_000;

/** `draw(answer)` is called with each answer; failures are shown in `problem`. Returns a refresh. */
export function connectPolledPanel(root, { url, problem, draw }) {
  const watch = createWatch(problem);
  let timer = null;

  async function refresh() {
    clearTimeout(timer);
    if (!root.open) return;
    await watch(async () => draw(await getJson(url)));
    clearTimeout(timer);
    timer = setTimeout(refresh, REFRESH_MS);
  }

  root.addEventListener("toggle", refresh);
  return refresh;
}
