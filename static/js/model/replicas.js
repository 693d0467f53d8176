// The instances of a service, in words.

import { clockTime, count, partitionsWords } from "./words.js";

export function livingOf(instances) {
  return instances.filter(({ state }) => state !== "gone");
}

/** "×3" where several share the work, "" where one does all of it. */
export function replicasWords(instances) {
  const alive = livingOf(instances).length;
  return alive > 1 ? `×${alive}` : "";
}

/** What one of them is doing, or when it was heard of last. */
export function instanceWords({ pid, host, state, partitions, in_flight: inFlight, rate, last_heartbeat: beatAt }) {
  const who = `pid ${pid} on ${host}`;
  if (state === "gone") return `${who}: gone, last heartbeat ${clockTime(beatAt)}`;
  const work = `${count(inFlight)} in work, ${rateWords(rate)} a second`;
  return `${who}: ${partitionsWords(partitions)}; ${work}; last heartbeat ${clockTime(beatAt)}`;
}

export function rateWords(rate) {
  return rate < 10 ? rate.toFixed(1) : count(Math.round(rate));
}

/** What a service says of itself; until all of it has heard what is asked of it, that it is being told. */
export function detailOf({ state, detail, heard }) {
  return detail || (state === "running" && !heard ? "being told what is asked of it" : "");
}
