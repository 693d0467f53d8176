// The board is all that the page knows. It changes only here: reduce(board, message) -> board.
// Messages of the server and of the page itself (search, open, ...) are of one kind.

import { isOneOf } from "./arrange.js";

// Beyond this the oldest rows are let go; they can be asked for again by scrolling down.
export const HELD_ROWS = 20_000;

// As many stuck ones are kept beyond them, and are asked for at a time: they wait for a person, however old they are.
export const STUCK_ROWS = 1_000;

const CLOCK_TOLERANCE_MS = 250;

export function createBoard({ traceWanted = true } = {}) {
  return {
    ready: false,
    trace: traceWanted,
    traceWanted,
    run: null,
    seq: 0,
    // What the server says next on this connection: "board", "answer" (to what was missed) or "changes".
    awaits: "board",
    sagas: new Map(),
    arrivals: new Set(),
    older: null,
    olderAsked: null,
    counters: null,
    services: new Map(),
    health: [],
    clockOffsetMs: 0,
    connection: "connecting",
    problem: null,
    view: { order: "started", search: "", only: "", open: null },
    history: null,
  };
}

export function reduce(board, message) {
  return HANDLERS[message.type]?.(board, message) ?? board;
}

const HANDLERS = {
  snapshot: onSnapshot,
  delta: onDelta,
  page: onPage,
  found: onFound,
  health: (board, { health, resumed }) => ({ ...board, health, awaits: resumed ? "changes" : board.awaits }),
  error: (board, { detail }) => ({ ...board, problem: detail }),
  service: (board, { service }) => ({ ...board, services: withServices(board.services, [service]) }),
  opened: (board) => ({ ...board, awaits: "board" }),
  "older-asked": (board, { before }) => ({ ...board, olderAsked: before }),
  connection: (board, { state }) => (board.connection === state ? board : { ...board, connection: state }),
  "trace-mode": (board, { enabled }) => ({ ...board, traceWanted: enabled }),
  search: (board, { text }) => withView(board, { search: text }),
  only: onOnly,
  order: (board, { by }) => withView(board, { order: by }),
  toggle: onToggle,
  history: onHistory,
};

// After a reconnect the snapshot is merged into what is held, and the server is asked for all since the held seq:
// so `seq` stays where it was until that answer comes. Every other snapshot replaces everything: that of a board begun
// anew, one after a switch, and the one that comes because too much was missed.
function onSnapshot(board, message) {
  const merges = mergesInto(board, message);
  const { sagas, older } = trimmed(withRows(merges ? board.sagas : new Map(), message.sagas).sagas, board.view.open);
  return {
    ...withClock({ ...board, ready: false }, message),
    ready: true,
    trace: message.trace,
    run: message.run,
    awaits: merges ? "answer" : "changes",
    seq: merges ? board.seq : message.seq,
    sagas,
    arrivals: new Set(),
    older: older ?? (merges ? board.older : message.older),
    olderAsked: null,
    counters: message.counters,
    services: withServices(new Map(), message.services),
    health: message.health,
    problem: null,
    ...(merges ? {} : { view: { ...board.view, open: null }, history: null }),
  };
}

// Does this snapshot go on with what is held? Only the first one after a reconnect does.
function mergesInto(board, snapshot) {
  const isSameBoard = snapshot.run === board.run && snapshot.seq >= board.seq;
  return board.ready && board.awaits === "board" && isSameBoard && snapshot.trace === board.trace;
}

// While the answer is awaited, what was missed lies below: should the line be cut now, it is to be asked for again.
function onDelta(board, message) {
  const { sagas, arrivals } = withRows(board.sagas, message.sagas);
  const { sagas: held, older } = trimmed(sagas, board.view.open);
  const awaits = message.resumed ? "changes" : board.awaits;
  return {
    ...withClock(board, message),
    awaits,
    seq: awaits === "changes" ? Math.max(board.seq, message.seq) : board.seq,
    sagas: held,
    arrivals,
    older: older ?? board.older,
    counters: message.counters ?? board.counters,
    services: withServices(board.services, message.services ?? []),
    health: message.health ?? board.health,
  };
}

// Older rows that were asked for before the board was another one would leave a hole.
function onPage(board, { before, sagas, older }) {
  return before === board.older ? { ...board, older, sagas: withRows(board.sagas, sagas).sagas } : board;
}

// What was found by another way than the socket may hold more than somebody who traces nothing is shown.
function onFound(board, { sagas }) {
  const rows = board.trace ? sagas : sagas.map(({ steps, ...row }) => row);
  return { ...board, sagas: withRows(board.sagas, rows).sagas };
}

/** Are there older sagas that can still be asked for? */
export function hasOlder({ older, sagas }) {
  return older !== null && sagas.size < HELD_ROWS;
}

/** Are there stuck sagas that somebody wants to see, and that are not held? Their number is all that is known then. */
export function missesStuck({ sagas, counters, view }) {
  if (view.only !== "stuck" || !counters) return false;
  const held = [...sagas.values()].filter(({ status }) => status === "stuck");
  return held.length < Math.min(counters.stuck, STUCK_ROWS);
}

// A row that is not newer than the one held is a repeat: the same Map comes back, and nothing is drawn again.
function withRows(held, rows) {
  const changed = rows.filter((row) => !(held.get(row.saga_id)?.seq >= row.seq));
  if (changed.length === 0) return { sagas: held, arrivals: new Set() };
  const sagas = new Map(held);
  const arrivals = new Set(changed.filter((row) => !held.has(row.saga_id)).map((row) => row.saga_id));
  for (const row of changed) sagas.set(row.saga_id, row);
  return { sagas, arrivals };
}

// A tenth more than the limit is let in, so that trimming is done now and then and not with every message. What is
// stuck stays, and what somebody has open.
function trimmed(sagas, open) {
  if (sagas.size <= HELD_ROWS * 1.1) return { sagas, older: null };
  const rows = [...sagas.values()].sort((a, b) => b.number - a.number);
  const newest = rows.slice(0, HELD_ROWS);
  const others = rows.slice(HELD_ROWS);
  const stuck = others.filter(({ status }) => status === "stuck").slice(0, STUCK_ROWS);
  const opened = others.filter(({ saga_id: id }) => id === open);
  const kept = [...newest, ...stuck, ...opened].map((row) => [row.saga_id, row]);
  return { sagas: new Map(kept), older: newest.at(-1).number };
}

// An answer may be older than what the socket has told meanwhile. Between two changes that have a number only heartbeats
// come, and no number: what is as old is newer.
function withServices(held, services) {
  const news = services.filter(({ name, seq }) => !(held.get(name)?.seq > seq));
  if (news.length === 0) return held;
  const all = new Map(held);
  for (const service of news) all.set(service.name, { ...all.get(service.name), ...service });
  return all;
}

// The server's clock counts. Small differences are the network's, and following them would make times tremble.
function withClock(board, { now, received_at }) {
  const offset = Date.parse(now) - received_at;
  const isNews = !board.ready || Math.abs(offset - board.clockOffsetMs) > CLOCK_TOLERANCE_MS;
  return Number.isFinite(offset) && isNews ? { ...board, clockOffsetMs: offset } : board;
}

function withView(board, change) {
  return { ...board, view: { ...board.view, ...change } };
}

// Another list begins without what was open, unless that belongs to it.
function onOnly(board, { statuses }) {
  const opened = board.sagas.get(board.view.open);
  const stays = opened && isOneOf(statuses)(opened);
  const kept = stays ? board : { ...withView(board, { open: null }), history: null };
  return withView(kept, { only: statuses });
}

function onToggle(board, { saga_id }) {
  const open = board.view.open === saga_id ? null : saga_id;
  return { ...withView(board, { open }), history: null };
}

// An answer for a row that was closed meanwhile is dropped. A failure keeps what was already shown.
function onHistory(board, { saga_id, events = null, problem = null }) {
  if (board.view.open !== saga_id) return board;
  return { ...board, history: { events: events ?? board.history?.events ?? null, problem } };
}
