// How long to wait before the next attempt to connect.

const FIRST_MS = 400;
const LONGEST_MS = 8_000;

/** Doubling, with jitter: after a restart of the server thirty browsers must not come back in the same instant. */
export function backoffMs(attempt, random) {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return ceiling / 2 + (ceiling / 2) * random;
}
