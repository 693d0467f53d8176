// What the pattern guarantees, checked live against the services' own records.

import { partsOf, setData, setText } from "../lib/dom.js";
import { drawChecklist } from "./checklist.js";
import { connectPolledPanel } from "./polled-panel.js";

const SIGNS = {
  good: { label: "holds", icon: "check", tone: "good" },
  bad: { label: "broken", icon: "alert", tone: "bad" },
};

export function connectInvariants(root) {
  const parts = partsOf(root);
  const draw = ({ ok, checks }) => {
    setText(parts.verdict, ok ? "all hold" : "broken");
    setData(parts.verdict, "tone", ok ? "good" : "bad");
    drawChecklist(parts.checks, checks, SIGNS);
  };
  const forget = () => setText(parts.verdict, "");
  connectPolledPanel(root, { url: "/api/invariants", problem: parts.problem, draw, forget });
}
