// Runs in the page, before its own scripts: takes the time from a click until the document shows what came of it.

const RESULT_LIMIT_MS = 20_000;

globalThis.stopwatch = {
  isReady: () => document.querySelector("[data-count=completed]")?.textContent.trim() === "0",

  /** Prepares for one click; `result` will be [ms to the new saga's row, ms to its end]. */
  arm() {
    const known = new Set(Array.from(document.querySelectorAll("tr[data-saga-id]"), (row) => row.dataset.sagaId));
    let clickedAt, row, rowAfter;
    addEventListener("click", () => (clickedAt = performance.now()), { capture: true, once: true });
    this.result = new Promise((resolve, reject) => {
      const observer = new MutationObserver(look);
      const timer = setTimeout(() => settle(reject, new Error("a saga did not end in time")), RESULT_LIMIT_MS);
      observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ["data-saga-id", "data-status"] });

      function look() {
        row ??= Array.from(document.querySelectorAll("tr[data-saga-id]")).find((one) => !known.has(one.dataset.sagaId));
        if (!row) return;
        rowAfter ??= performance.now() - clickedAt;
        if (row.dataset.status === "completed") settle(resolve, [rowAfter, performance.now() - clickedAt]);
      }

      function settle(how, outcome) {
        clearTimeout(timer);
        observer.disconnect();
        how(outcome);
      }
    });
  },
};
