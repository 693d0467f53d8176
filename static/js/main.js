// The page, put together: the server's messages go into the store, the store is drawn by the components.

import { createAnnouncer } from "./components/announcer.js";
import { createCounters } from "./components/counters.js";
import { createDeadLetters } from "./components/dead-letters.js";
import { connectFaults } from "./components/faults.js";
import { createFaultsOn } from "./components/faults-on.js";
import { connectHelp } from "./components/help.js";
import { connectInstructor } from "./components/instructor.js";
import { connectInvariants } from "./components/invariants.js";
import { connectMore } from "./components/more.js";
import { createNotices } from "./components/notices.js";
import {
  connectBreaking, connectMany, connectOnboarding, connectRoster, connectStories, connectStyle,
} from "./components/onboard.js";
import { createParts } from "./components/parts.js";
import { createSagas } from "./components/sagas.js";
import { createServices } from "./components/services.js";
import { connectShortcuts } from "./components/shortcuts.js";
import { createStopped } from "./components/stopped.js";
import { createStuck } from "./components/stuck.js";
import { createTraceMode } from "./components/trace-mode.js";
import { createWeave } from "./components/weave.js";
import { clearUnanswered } from "./lib/http.js";
import { Live } from "./lib/live.js";
import { recall, remember } from "./lib/preferences.js";
import { createStore } from "./lib/store.js";
import { createBoard, reduce } from "./model/board.js";

// Each tick draws the page anew, on the laptop of everybody who looks at it.
const TICK_MS = 200;

const store = createStore(reduce, createBoard({ traceWanted: recall("trace-mode", true) }));
const { dispatch } = store;
const live = new Live({ url: socketUrl, onOpen, onMessage, onState });

const sagas = createSagas(component("sagas"), {
  dispatch,
  askOlder: (before) => live.send({ type: "older", before }),
});
const drawn = [
  sagas, // the first: it has to ask where things are, before the others move them
  createTraceMode(component("trace-mode"), { onSwitch: switchTrace }),
  createServices(component("services"), { dispatch, openFaults: connectFaults(component("faults"), { dispatch }) }),
  createFaultsOn(component("faults-on"), { dispatch }),
  createStopped(component("stopped"), { dispatch }),
  createNotices(component("notices")),
  createParts(component("parts")),
  createStuck(component("stuck"), { dispatch }),
  createCounters(component("counters")),
  createWeave(component("weave")),
  createAnnouncer(component("announcer"), { countListed: sagas.countListed }),
  createDeadLetters(component("dead-letters")),
];

connectMore(component("more"));
connectInstructor(component("instructor"));
connectStyle(component("style"));
connectOnboarding(component("onboard"));
connectMany(component("many"));
connectRoster(component("roster"));
connectStories(component("stories"));
connectBreaking(component("breaking"));
connectInvariants(component("invariants"));
connectHelp(component("help"));
connectShortcuts(component("shortcuts"), {
  n: () => component("onboard").requestSubmit(),
  t: () => switchTrace(!store.state.traceWanted),
  "/": () => document.querySelector("[data-part=search]").focus(),
  "?": () => component("help").showModal(),
});

store.connect((board) => drawn.forEach((one) => one.update(board)));
setInterval(() => document.hidden || sagas.tick(), TICK_MS);
live.connect();
addEventListener("pagehide", () => live.disconnect());
addEventListener("pageshow", ({ persisted }) => persisted && live.connect());

function component(name) {
  return document.querySelector(`[data-component="${name}"]`);
}

function socketUrl() {
  const url = new URL("/ws/sagas/", location.href.replace(/^http/, "ws"));
  if (!store.state.traceWanted) url.searchParams.set("trace", "off");
  return url;
}

// The switch is a wish: sent at once when connected, and part of the address of the next connection otherwise.
function switchTrace(enabled) {
  remember("trace-mode", enabled);
  dispatch({ type: "trace-mode", enabled });
  live.send({ type: "trace-mode", enabled });
}

function onState(state) {
  if (state === "live" && store.state.connection !== "live") clearUnanswered();
  dispatch({ type: "connection", state });
}

function onOpen() {
  dispatch({ type: "opened" });
}

// What a snapshot that goes on with what is held does not show of the time that was missed is asked for.
function onMessage(message) {
  dispatch({ ...message, received_at: Date.now() });
  const { awaits, seq } = store.state;
  if (message.type === "snapshot" && awaits === "answer") live.send({ type: "resume", after: seq });
}
