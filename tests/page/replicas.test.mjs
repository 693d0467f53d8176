// What the page says of the instances of a service.
import assert from "node:assert/strict";
import { test } from "node:test";

import { detailOf, instanceWords, livingOf, replicasWords } from "../../static/js/model/replicas.js";
import { clockTime } from "../../static/js/model/words.js";

const AT = "2026-01-01T12:00:00Z";
const ONE = {
  pid: 7, host: "here", state: "running", partitions: ["notify/0", "notify/1"], in_flight: 1200, rate: 3, last_heartbeat: AT,
};
const GONE = { ...ONE, state: "gone", partitions: [], in_flight: 0, rate: 0 };

test("an instance says what it does", () => {
  const words = `pid 7 on here: notify 0–1; 1,200 in work, 3.0 a second; last heartbeat ${clockTime(AT)}`;
  assert.equal(instanceWords(ONE), words);
});

test("of an instance that has gone it is said when it was heard last", () => {
  assert.equal(instanceWords(GONE), `pid 7 on here: gone, last heartbeat ${clockTime(AT)}`);
});

for (const [instances, words] of [[[], ""], [[ONE], ""], [[ONE, GONE], ""], [[ONE, ONE, GONE], "×2"]]) {
  test(`${livingOf(instances).length} of ${instances.length} alive are "${words}"`, () => {
    assert.equal(replicasWords(instances), words);
  });
}

for (const [service, words] of [
  [{ state: "running", detail: "", heard: true }, ""],
  [{ state: "running", detail: "", heard: false }, "being told what is asked of it"],
  [{ state: "running", detail: "disk full", heard: false }, "disk full"],
  [{ state: "gone", detail: "", heard: false }, ""],
]) {
  test(`a service that is ${JSON.stringify(service)} is told as "${words}"`, () => {
    assert.equal(detailOf(service), words);
  });
}
