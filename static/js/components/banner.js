// What stands above the table as long as something is so, with a button that ends it.

import { setHidden } from "../lib/dom.js";

/** The focus that would be hidden with its button goes to the table: else whoever uses keys would begin at the top. */
export function setBannerHidden(banner, hidden) {
  if (hidden && banner.contains(document.activeElement)) document.querySelector("#sagas").focus({ preventScroll: true });
  setHidden(banner, hidden);
}
