// Draws the picture of order (model/weave.js): threads from the place by start, above, to the place by finish, below.

import { arrangeChildren, partsOf, setAttribute, setData, setHidden } from "../lib/dom.js";
import { plural } from "../model/words.js";
import { weave } from "../model/weave.js";

const SVG = "http://www.w3.org/2000/svg";
const BOX = { left: 10, right: 470, top: 8, bottom: 88 };
const FEWEST = 2;

export function createWeave(root) {
  const { picture } = partsOf(root);
  const drawn = new Map();
  let shown = null;

  return {
    update({ sagas }) {
      if (sagas === shown) return;
      shown = sagas;
      const threads = weave(sagas);
      setHidden(root, threads.length < FEWEST);
      arrangeChildren(picture, threads.map((thread) => drawThread(drawn, thread, threads.length)));
      forget(drawn, threads);
      setAttribute(picture, "aria-label", describe(threads));
    },
  };
}

function drawThread(drawn, { saga_id: id, from, to, tone, number }, total) {
  const group = drawn.get(id) ?? createThread(number);
  drawn.set(id, group);
  setData(group, "tone", tone);
  const [path, start, end] = group.children;
  const [x1, x2] = [from, to].map((place) => xOf(place, total));
  const { top, bottom } = BOX;
  const middle = (top + bottom) / 2;
  setAttribute(path, "d", `M${x1} ${top}C${x1} ${middle} ${x2} ${middle} ${x2} ${bottom}`);
  setAttribute(start, "d", `M${x1} ${top}h0`);
  setAttribute(end, "d", `M${x2} ${bottom}h0`);
  return group;
}

function createThread(number) {
  const create = (tag) => document.createElementNS(SVG, tag);
  const group = create("g");
  const [path, start, end, title] = ["path", "path", "path", "title"].map(create);
  // Strokes without length, which stay round however the picture is stretched.
  for (const dot of [start, end]) setAttribute(dot, "class", "dot");
  title.textContent = `saga ${number}`;
  group.append(path, start, end, title);
  return group;
}

function xOf(place, total) {
  return Math.round(BOX.left + ((BOX.right - BOX.left) * (place + 0.5)) / total);
}

function forget(drawn, threads) {
  const kept = new Set(threads.map(({ saga_id: id }) => id));
  for (const id of drawn.keys()) if (!kept.has(id)) drawn.delete(id);
}

function describe(threads) {
  const passed = threads.filter(({ tone }) => tone !== "level").length;
  return `Order of the last ${plural(threads.length, "finished saga")}: ${passed} out of order`;
}
