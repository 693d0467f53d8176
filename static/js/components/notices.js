// What is wrong, impossible to miss: a lost connection, and every dependency that is not well.

import { cloneTemplate, partsOf, setData, setText } from "../lib/dom.js";

const LOST = { name: "Connection lost.", detail: "Reconnecting…", tone: "warn" };

export function createNotices(root) {
  let shown = "";
  return {
    update(board) {
      const notices = noticesOf(board);
      const key = JSON.stringify(notices);
      // The region is live: written again unchanged, it would be read out again.
      if (key === shown) return;
      shown = key;
      root.replaceChildren(...notices.map(drawNotice));
    },
  };
}

// Health is the server's word; with the connection lost, the last one heard says nothing about now.
function noticesOf({ connection, health, problem }) {
  if (connection === "reconnecting") return [LOST];
  const ill = health.filter(({ ok }) => !ok).map(({ name, detail }) => ({ name: `${name}:`, detail, tone: "bad" }));
  return problem ? [...ill, { name: "Refused:", detail: problem, tone: "warn" }] : ill;
}

function drawNotice({ name, detail, tone }) {
  const item = cloneTemplate("notice");
  const parts = partsOf(item);
  setData(item, "tone", tone);
  setText(parts.name, name);
  setText(parts.detail, detail);
  return item;
}
