// Work that is done one at a time, and of which only the newest wish counts.

/** Returns `want(wish)`: `run(wish)` follows at once or, while it is at work, afterwards with the last wish of all. */
export function createLatest(run) {
  let wishes = [];
  let isBusy = false;

  return async function want(wish) {
    wishes = [wish];
    if (isBusy) return;
    isBusy = true;
    try {
      while (wishes.length > 0) await run(wishes.pop());
    } finally {
      isBusy = false;
    }
  };
}
