// What the pattern guarantees, checked live against the services' own records.

import { cloneTemplate, partsOf, setData, setSign, setText } from "../lib/dom.js";
import { connectPolledPanel } from "./polled-panel.js";

const HOLDS = { label: "holds", icon: "check", tone: "good" };
const BROKEN = { label: "broken", icon: "alert", tone: "bad" };

export function connectInvariants(root) {
  const parts = partsOf(root);
  const draw = ({ ok, checks }) => {
    setText(parts.verdict, ok ? "all hold" : "broken");
    setData(parts.verdict, "tone", ok ? "good" : "bad");
    parts.checks.replaceChildren(...checks.map(drawCheck));
  };
  connectPolledPanel(root, { url: "/api/invariants", problem: parts.problem, draw });
}

function drawCheck({ name, ok, detail }) {
  const item = cloneTemplate("check");
  const parts = partsOf(item);
  setSign(parts.sign, ok ? HOLDS : BROKEN);
  setText(parts.name, name);
  setText(parts.detail, detail);
  return item;
}
