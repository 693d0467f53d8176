// A <details> whose content is fetched when it is opened, and every few seconds while it stays open.

import { attempt, getJson } from "../lib/http.js";

const REFRESH_MS = 5_000;

/** `draw(answer)` is called with each answer; failures are shown in `problem`. Returns a refresh. */
export function connectPolledPanel(root, { url, problem, draw }) {
  let timer = null;

  async function refresh() {
    clearTimeout(timer);
    if (!root.open) return;
    await attempt(problem, async () => draw(await getJson(url)));
    clearTimeout(timer);
    timer = setTimeout(refresh, REFRESH_MS);
  }

  root.addEventListener("toggle", refresh);
  return refresh;
}
