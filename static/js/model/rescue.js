// What a person can sensibly do about a saga. The server decides; this only keeps senseless buttons off the page.

const WAITS = new Set(["retrying", "undo failed", "stuck"]);
const GOES_BACK = new Set(["failed", "undoing", "undo failed", "stuck", "undone", "refused"]);

export function rescuesOf({ status, ended_at: endedAt, rolling_back: rollingBack, steps = [] }) {
  if (endedAt) return { retry: false, "roll-back": false, resolve: [] };
  return {
    retry: status === "stuck" || steps.some((step) => WAITS.has(step.status)),
    "roll-back": !rollingBack && !steps.some((step) => GOES_BACK.has(step.status)),
    resolve: steps.filter((step) => step.status === "stuck").map(({ name }) => name),
  };
}
