// Numbers, times and results in words.

const COUNT = new Intl.NumberFormat("en");
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
});
const TOLD_FIRST = ["device_id", "authorizations", "email"];

export function count(number) {
  return COUNT.format(number);
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** Clocks of two machines may disagree; a duration is never negative all the same. */
export function elapsedMs({ started_at, ended_at }, nowMs) {
  const end = ended_at ? Date.parse(ended_at) : nowMs;
  return Math.max(0, end - Date.parse(started_at));
}

export function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${pad(seconds % 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${pad(Math.floor(seconds / 60) % 60)}`;
}

/** Sagas that services work on: of those that have not ended, neither the ones that wait nor the ones for a person. */
export function underWay({ running, waiting, stuck }) {
  return Math.max(0, running - waiting - stuck); // one that is stuck and is to be sent again is in both
}

/** The local time of day; the day as well unless it is the day of `now`. */
export function clockTime(rfc3339, now = new Date()) {
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return String(rfc3339);
  const isToday = at.toDateString() === now.toDateString();
  return isToday ? CLOCK.format(at) : `${DAY.format(at)}, ${CLOCK.format(at)}`;
}

/** How long it is until `rfc3339`; what is due already happens now. */
export function countdown(rfc3339, nowMs) {
  const left = Date.parse(rfc3339) - nowMs;
  return left > 0 ? `in ${duration(left)}` : "now";
}

/** How much waits for services that are stopped, altogether. */
export function backlogWords(services) {
  const waiting = services.reduce((sum, { backlog }) => sum + backlog, 0);
  if (waiting === 0) return "Nothing waits yet.";
  return `${plural(waiting, "message")} ${waiting === 1 ? "waits" : "wait"}, and nothing is lost.`;
}

/** What a step achieved, in a few words. */
export function resultWords(result) {
  if (!result) return "";
  if (result.booking) return [result.item, result.booking].filter(Boolean).join(", ");
  const key = TOLD_FIRST.find((name) => name in result) ?? Object.keys(result)[0];
  const value = result[key];
  return Array.isArray(value) ? value.join(", ") : String(value ?? "");
}

/** ["notify/0", "notify/1", "notify/2", "notify/5"] is told as "notify 0–2, 5". */
export function partitionsWords(partitions) {
  const byTopic = new Map();
  for (const partition of partitions) {
    const [topic, number] = partition.split("/");
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), Number(number)]);
  }
  return [...byTopic].map(([topic, numbers]) => `${topic} ${rangesOf(numbers)}`).join(", ") || "no partition";
}

function rangesOf(numbers) {
  const ranges = [];
  for (const number of numbers.sort((a, b) => a - b)) {
    if (ranges.at(-1)?.end === number - 1) ranges.at(-1).end = number;
    else ranges.push({ start: number, end: number });
  }
  return ranges.map(({ start, end }) => (start === end ? start : `${start}–${end}`)).join(", ");
}

/** A message as it stood on the wire, indented when it is JSON and nothing but its white space changes by that. */
export function prettyPayload(payload) {
  const found = parsed(payload);
  return JSON.stringify(found) === withoutSpace(payload) ? JSON.stringify(found, null, 2) : payload;
}

function parsed(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function withoutSpace(json) {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
}

function pad(number) {
  return String(number).padStart(2, "0");
}
