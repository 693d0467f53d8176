// The line to the server: what the page does when it is dead.
import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Live } from "../../static/js/lib/live.js";

const SECOND = 1_000;

class Socket {
  static OPEN = 1;
  static opened = [];
  readyState = 0;

  constructor() {
    Socket.opened.push(this);
  }

  close() {}

  open() {
    this.readyState = Socket.OPEN;
    this.onopen();
  }

  speak() {
    this.onmessage({ data: "{}" });
  }
}

/** A page whose timers are ours: `pass(seconds)` lets time go by, and the last socket speak every so many of them. */
function pageWith(t, { hidden = false, url = () => "ws://here" } = {}) {
  mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
  Socket.opened = [];
  const states = [];
  const ignore = () => {};
  Object.assign(globalThis, { WebSocket: Socket, addEventListener: ignore, removeEventListener: ignore });
  globalThis.document = { hidden, addEventListener: ignore, removeEventListener: ignore };
  const onState = (state) => states.push(state);
  const live = new Live({ url, onOpen: () => states.push("opened"), onMessage: ignore, onState });
  live.connect();
  t.after(() => {
    live.disconnect();
    mock.timers.reset();
  });
  Socket.opened[0].open();
  Socket.opened[0].speak();
  return {
    states,
    pass(seconds, { spoken = Infinity } = {}) {
      for (let second = 1; second <= seconds; second += 1) {
        mock.timers.tick(SECOND);
        if (second % spoken === 0) Socket.opened.at(-1).speak();
      }
    },
  };
}

test("a line on which nothing is heard is given up, and another one opened", (t) => {
  const page = pageWith(t);
  page.pass(28);
  assert.equal(Socket.opened.length, 2);
  assert.deepEqual(page.states, ["opened", "live", "reconnecting"]);
});

test("a line on which something is heard now and then stays", (t) => {
  const page = pageWith(t);
  page.pass(600, { spoken: 8 });
  assert.equal(Socket.opened.length, 1);
});

test("behind another tab nothing is given up", (t) => {
  const page = pageWith(t, { hidden: true });
  page.pass(600);
  assert.equal(Socket.opened.length, 1);
});

test("a new line is not taken for dead before it could say anything", (t) => {
  const page = pageWith(t);
  page.pass(28);
  Socket.opened.at(-1).open();
  page.pass(15);
  assert.equal(Socket.opened.length, 2);
});

test("a line that came about while something else was wanted is not the one", (t) => {
  const addresses = ["ws://here", "ws://here", "ws://here", "ws://here?trace=off"];
  const page = pageWith(t, { url: () => addresses.shift() ?? "ws://here?trace=off" });
  page.pass(28);
  Socket.opened.at(-1).open();
  assert.equal(Socket.opened.length, 3);
  Socket.opened.at(-1).open();
  assert.deepEqual(page.states, ["opened", "live", "reconnecting", "opened"]);
});
