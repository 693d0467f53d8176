// The page of one saga: drawn by the server, dressed here, and drawn by the server again while the saga goes on.

import { connectInstructor } from "./components/instructor.js";
import { createRescue } from "./components/rescue.js";
import { createThread, dress, setTimes } from "./components/thread.js";
import { partsOf, setText } from "./lib/dom.js";
import { createWatch, getPage } from "./lib/http.js";
import { createLatest } from "./lib/latest.js";
import { duration, elapsedMs } from "./model/words.js";

const LIVE_MS = 700;
const ENDED_MS = 5_000;
const TICK_MS = 200;

const main = document.querySelector("[data-component=saga]");
const parts = partsOf(main);
const thread = createThread(parts.events);
const watch = createWatch(parts.problem);
const refresh = createLatest(fetchAndShow);
const rescue = createRescue(parts.rescue, { onAsked: refresh });
const held = new Map();
let saga = null;
let offsetMs = 0;
let timer = null;

connectInstructor(document.querySelector("[data-component=instructor]"));
show(main);
setInterval(() => document.hidden || tick(), TICK_MS);
timer = setTimeout(refresh, LIVE_MS);
document.addEventListener("visibilitychange", () => document.hidden || refresh());

// Whatever becomes of one, there is another one later.
async function fetchAndShow() {
  clearTimeout(timer);
  try {
    if (!document.hidden) await watch(async () => show(await fetchMain()));
  } finally {
    timer = setTimeout(refresh, saga.ended_at ? ENDED_MS : LIVE_MS);
  }
}

async function fetchMain() {
  const page = await getPage(location.pathname);
  return page.querySelector("[data-component=saga]");
}

/** `source` is this page's main part, or a newer one. */
function show(source) {
  saga = JSON.parse(source.dataset.saga);
  offsetMs = Date.parse(source.dataset.now) - Date.now();
  for (const part of main.querySelectorAll("[data-swap]")) swap(part, source);
  thread.update([...source.querySelectorAll(".event")], serverNow());
  dress(main, serverNow());
  rescue.update(saga);
  tick();
}

// What the server draws as before stays as it is, and with it what somebody has selected there.
function swap(part, source) {
  const next = source.querySelector(`[data-swap="${part.dataset.swap}"]`);
  const drawing = next.outerHTML;
  if (held.get(part) !== drawing && next !== part) part.replaceChildren(...document.adoptNode(next).childNodes);
  held.set(part, drawing);
}

function tick() {
  const nowMs = serverNow();
  setText(main.querySelector("[data-elapsed]"), duration(elapsedMs(saga, nowMs)));
  setTimes(main, nowMs);
}

function serverNow() {
  return Date.now() + offsetMs;
}
