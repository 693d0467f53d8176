// Sagas that need a person: said above everything else, with Trace Mode on or off, for as long as there are any.

import { partsOf, setText } from "../lib/dom.js";
import { attempt, createWatch, getJson, sendJson } from "../lib/http.js";
import { missesStuck, STUCK_ROWS } from "../model/board.js";
import { plural } from "../model/words.js";
import { setBannerHidden } from "./banner.js";

const AGAIN_MS = 5_000;
const NEWEST = `/api/sagas?status=stuck&limit=${STUCK_ROWS}`;

/** When somebody wants to see them, those that are older than what the page holds are fetched. */
export function createStuck(root, { dispatch }) {
  const parts = partsOf(root);
  const watch = createWatch(parts.problem);
  let isAsked = false;
  let timer = null;
  parts.retry.addEventListener("click", () => attempt(parts.problem, () => sendJson("POST", "/api/sagas/retry")));
  parts.show.addEventListener("click", () => dispatch({ type: "only", statuses: "stuck" }));

  async function find() {
    clearTimeout(timer);
    isAsked = true;
    const isFound = await watch(async () => dispatch({ type: "found", ...await getJson(NEWEST) }));
    if (!isFound) timer = setTimeout(() => (isAsked = false), AGAIN_MS);
  }

  return {
    update(board) {
      const stuck = board.counters?.stuck ?? 0;
      setText(parts.words, `${plural(stuck, "saga")} ${stuck === 1 ? "is" : "are"} stuck.`);
      setBannerHidden(root, stuck === 0);
      if (!missesStuck(board)) isAsked = false;
      else if (!isAsked) find();
    },
  };
}
