// Small helpers that write to the document only what differs from what is there.

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A name in whatever script. Chromium leaves a node that is used again in the direction of its former text. */
export function setName(node, text) {
  if (node.textContent === text) return;
  node.textContent = text;
  node.removeAttribute("dir");
  node.setAttribute("dir", "auto");
}

export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function setData(node, name, value) {
  if (node.dataset[name] !== String(value)) node.dataset[name] = value;
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** Elements are found by `data-part`; parts of a nested component are in the result too. */
export function partsOf(root) {
  const parts = {};
  for (const node of root.querySelectorAll("[data-part]")) parts[node.dataset.part] ??= node;
  return parts;
}

export function cloneTemplate(name) {
  return document.querySelector(`template[data-template="${name}"]`).content.firstElementChild.cloneNode(true);
}

/** `sign` has an icon and a word inside; its tone is CSS's business. */
export function setSign(sign, { label, icon, tone }) {
  setData(sign, "tone", tone);
  setAttribute(sign.querySelector("use"), "href", `#icon-${icon}`);
  setText(sign.querySelector("[data-word]"), label);
}

/** Whoever has the focus in `root`, where `change` hides, removes or disables it, gets it on what stands around. */
export function keepFocusNear(root, change) {
  const focus = document.activeElement;
  const wasInside = root.contains(focus);
  change();
  if (!wasInside || (focus.checkVisibility() && !focus.disabled)) return;
  const around = (root.checkVisibility() ? root : root.parentElement).closest("[tabindex]");
  around.focus({ preventScroll: true });
}

/** Makes `parent` hold exactly `wanted`, in that order, without moving what already stands right. */
export function arrangeChildren(parent, wanted) {
  const focus = document.activeElement;
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let cursor = parent.firstElementChild;
  for (const node of wanted) {
    if (node === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(node, cursor);
  }
  // What is moved loses the focus.
  if (focus !== document.activeElement) focus.focus({ preventScroll: true });
}
