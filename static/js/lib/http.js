// Requests that change something, and the plain words for when they are refused.

/** The event that tells the page that it is not, or no longer, the instructor's. */
export const UNAUTHORIZED = "unauthorized";

const FALLBACKS = {
  401: "This is the instructor's: log in first.",
  403: "The server refused this page. Reload it and try again.",
  404: "The server does not know this.",
  413: "That is too much at once.",
  429: "Too many requests. Wait a moment and try again.",
  503: "The server cannot accept this now. Try again soon.",
};

// What only asks can be given up, and asked again. What changes something may have been done: its answer is waited for.
const PATIENCE_MS = 15_000;

/** Raised when the server said no; the message is for people. */
export class Refused extends Error {}

/** Raised when the server said nothing, or was cut off while it spoke. */
class Unanswered extends Refused {
  constructor({ isChange }) {
    const advice = isChange
      ? "It may have done it all the same: look before you try again."
      : "Try again when the connection is back.";
    super(`The server does not answer. ${advice}`);
  }
}

export function getJson(url) {
  return request(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
}

/** The page at `url` as a document, for its parts to be shown in this one. The server has escaped all that is in it. */
export function getPage(url) {
  const asked = { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS) };
  return answerTo(url, asked, async (response) =>
    new DOMParser().parseFromString(await response.text(), "text/html"));
}

export function sendJson(method, url, body) {
  const headers = { "Content-Type": "application/json", traceparent: newTrace() };
  return request(url, { method, headers, body: JSON.stringify(body ?? {}) });
}

/** `more` is what the form does not hold itself. */
export function sendForm(form, more = {}) {
  const body = new FormData(form);
  for (const [name, value] of Object.entries(more)) body.set(name, value);
  return request(form.action, { method: "POST", headers: { traceparent: newTrace() }, body });
}

/** Each click begins a trace, which the saga's messages carry on: https://www.w3.org/TR/trace-context/ */
function newTrace() {
  return `00-${randomHex(16)}-${randomHex(8)}-01`;
}

function randomHex(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function request(url, { headers = {}, ...options }) {
  const asked = { ...options, headers: { Accept: "application/json", ...headers } };
  return answerTo(url, asked, (response) => response.json());
}

async function answerTo(url, options, read) {
  const giveUp = () => {
    throw new Unanswered({ isChange: options.method !== undefined });
  };
  const response = await fetch(url, options).catch(giveUp);
  if (response.ok) return read(response).catch(giveUp);
  if (response.status === 401) dispatchEvent(new Event(UNAUTHORIZED));
  const reason = reasonOf(await response.json().catch(() => null));
  throw new Refused(reason ?? FALLBACKS[response.status] ?? `The server failed (${response.status}).`);
}

function reasonOf(body) {
  return typeof body?.detail === "string" && body.detail !== "" ? body.detail : null;
}

/**
 * Runs an action and shows its failure in `place`, near the control that was used. Returns whether it succeeded. Where
 * that control is about something else by then, and `isWanted()` no longer, nothing is said, and it counts as failed.
 */
export async function attempt(place, action, { say = (words) => show(place, words), isWanted = () => true } = {}) {
  const refusal = await refusalOf(action);
  if (!isWanted()) return false;
  say(refusal?.message ?? "");
  if (refusal) place.toggleAttribute("data-unanswered", refusal instanceof Unanswered);
  return refusal === null;
}

async function refusalOf(action) {
  try {
    await action();
    return null;
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

/**
 * Returns an `attempt(action)` for what the page itself tries again and again. Words that are written anew are read out
 * anew, so a failure is said once; and only what was said here is taken back.
 */
export function createWatch(place) {
  let said = "";

  function say(words) {
    const isAllowed = words !== "" || place.textContent === said;
    if (isAllowed && place.textContent !== words) show(place, words);
    said = words;
  }

  return (action) => attempt(place, action, { say });
}

/** With the connection back, what was said about its absence is no longer true. */
export function clearUnanswered() {
  for (const place of document.querySelectorAll("[data-unanswered]")) show(place, "");
}

function show(place, words) {
  place.textContent = words;
  place.hidden = words === "";
}
