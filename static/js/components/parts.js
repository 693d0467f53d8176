// What the workshop is made of, and needs: every part and how it is, those that are well too.

import { partsOf, setData, setText } from "../lib/dom.js";
import { drawChecklist } from "./checklist.js";

const SIGNS = {
  good: { label: "works", icon: "check", tone: "good" },
  bad: { label: "does not work", icon: "alert", tone: "bad" },
};

export function createParts(root) {
  const parts = partsOf(root);
  return {
    update({ connection, health }) {
      // Without a connection the last word heard says nothing about now.
      const isKnown = connection === "live";
      const failing = health.filter(({ ok }) => !ok).map(({ name }) => name);
      setText(parts.verdict, isKnown ? verdict(failing) : "");
      setData(parts.verdict, "tone", failing.length ? "bad" : "good");
      drawChecklist(parts.list, isKnown ? health : [], SIGNS);
    },
  };
}

function verdict(failing) {
  return failing.length ? `not ${failing.join(", ")}` : "all work";
}
