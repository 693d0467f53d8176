// What the workshop is made of, and needs: every part and how it is, those that are well too.

import { cloneTemplate, partsOf, setData, setSign, setText } from "../lib/dom.js";

const WORKS = { label: "works", icon: "check", tone: "good" };
const FAILS = { label: "does not work", icon: "alert", tone: "bad" };

export function createParts(root) {
  const parts = partsOf(root);
  let shown = "";
  return {
    update({ health }) {
      const key = JSON.stringify(health);
      if (key === shown) return;
      shown = key;
      const failing = health.filter(({ ok }) => !ok).map(({ name }) => name);
      setText(parts.verdict, failing.length ? `not ${failing.join(", ")}` : "all work");
      setData(parts.verdict, "tone", failing.length ? "bad" : "good");
      parts.list.replaceChildren(...health.map(drawPart));
    },
  };
}

function drawPart({ name, ok, detail }) {
  const item = cloneTemplate("check");
  const parts = partsOf(item);
  setSign(parts.sign, ok ? WORKS : FAILS);
  setText(parts.name, name);
  setText(parts.detail, detail);
  return item;
}
