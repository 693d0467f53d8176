// What the panels say of what works and what does not, on as much of a document as they touch.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createParts } from "../../static/js/components/parts.js";

function sign() {
  const found = { use: { getAttribute: () => "", setAttribute() {} }, "[data-word]": { textContent: "" } };
  return { dataset: { part: "sign" }, querySelector: (selector) => found[selector] };
}

function part(name) {
  return { dataset: { part: name }, textContent: "" };
}

/** A list element, and the template of its items. */
function list() {
  const children = [];
  const newItem = () => {
    const parts = [sign(), part("name"), part("detail")];
    const item = { parts, querySelectorAll: () => parts, remove: () => children.splice(children.indexOf(item), 1) };
    return item;
  };
  globalThis.document = { querySelector: () => ({ content: { firstElementChild: { cloneNode: newItem } } }) };
  return {
    ...part("list"),
    children,
    get lastElementChild() {
      return children.at(-1);
    },
    appendChild: (item) => children[children.push(item) - 1],
  };
}

/** The panel of the parts: `told()` is what it says, by name. */
function partsPanel() {
  const [verdict, items] = [part("verdict"), list()];
  const { update } = createParts({ querySelectorAll: () => [verdict, items] });
  const told = () => items.children.map(({ parts }) => parts[1].textContent);
  return { verdict, items, told, tell: (connection, ...health) => update({ connection, health }) };
}

const DATABASE = { name: "database", ok: true, detail: "answers" };
const BROKER = { name: "broker", ok: false, detail: "does not answer" };

test("a list is written where it changed, and what somebody reads of it stays", () => {
  const { tell, told, items } = partsPanel();
  tell("live", DATABASE, BROKER);
  const before = [...items.children];
  tell("live", DATABASE, { ...BROKER, ok: true });
  assert.deepEqual(items.children, before);
  tell("live", BROKER);
  assert.deepEqual(told(), ["broker"]);
});

test("of the parts nothing is said while nothing is heard of them", () => {
  const { tell, told, verdict } = partsPanel();
  const said = ["connecting", "live", "reconnecting", "live"].map((connection) => {
    tell(connection, DATABASE);
    return [verdict.textContent, told().length];
  });
  assert.deepEqual(said, [["", 0], ["all work", 1], ["", 0], ["all work", 1]]);
});
