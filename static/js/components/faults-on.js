// Says, above the table, for as long as it is so, that faults are on; and switches all of them off.

import { partsOf, setText } from "../lib/dom.js";
import { attempt, sendJson } from "../lib/http.js";
import { chipsOf } from "../model/faults.js";
import { setBannerHidden } from "./banner.js";

export function createFaultsOn(root, { dispatch }) {
  const parts = partsOf(root);
  parts.clear.addEventListener("click", () => attempt(parts.problem, async () => {
    const { services } = await sendJson("DELETE", "/api/faults");
    for (const service of services) dispatch({ type: "service", service });
  }));

  return {
    update({ services }) {
      const all = [...services.values()].map((service) => ({ name: service.name, chips: chipsOf(service) }));
      const broken = all.filter(({ chips }) => chips.length > 0);
      const words = broken.map(({ name, chips }) => `${name}: ${chips.join("; ")}`);
      setText(parts.words, words.join(" · "));
      setBannerHidden(root, words.length === 0);
    },
  };
}
