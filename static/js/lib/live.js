// A websocket that comes back: after a cut, a restart of the server, a sleep of the laptop.

import { backoffMs } from "../model/backoff.js";

const OPENING_LIMIT_MS = 10_000;
const WAKE_CHECK_MS = 5_000;
// The server says something every 8 seconds at least. A socket silent for so long is dead, and may not know it.
const QUIET_LIMIT_MS = 20_000;

export class Live {
  #socket = null;
  #address = null;
  #timer = null;
  #attempt = 0;
  #heardAt = Date.now();
  #awakeAt = Date.now();

  /** `url()` is asked at every attempt; `onOpen()`; `onMessage(object)`; `onState("live" | "reconnecting")`. */
  constructor({ url, onOpen, onMessage, onState }) {
    Object.assign(this, { url, onOpen, onMessage, onState });
  }

  connect() {
    addEventListener("online", this.#reopen);
    addEventListener("offline", this.#onLost);
    document.addEventListener("visibilitychange", this.#onVisible);
    this.wakeCheck = setInterval(this.#checkWake, WAKE_CHECK_MS);
    this.#open();
  }

  disconnect() {
    removeEventListener("online", this.#reopen);
    removeEventListener("offline", this.#onLost);
    document.removeEventListener("visibilitychange", this.#onVisible);
    clearInterval(this.wakeCheck);
    this.#drop();
  }

  /** Returns whether it was sent; what cannot be sent is settled anew at the next connection. */
  send(message) {
    const isOpen = this.#isOpen();
    if (isOpen) this.#socket.send(JSON.stringify(message));
    return isOpen;
  }

  #open() {
    this.#drop();
    this.#address = String(this.url());
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    this.#timer = setTimeout(this.#onLost, OPENING_LIMIT_MS);
    socket.onopen = this.#onOpened;
    socket.onmessage = ({ data }) => this.#onData(data);
    socket.onclose = this.#onLost;
  }

  #onOpened = () => {
    // What is wanted may have changed while the connection came about.
    if (String(this.url()) !== this.#address) return this.#open();
    clearTimeout(this.#timer);
    this.#heardAt = Date.now();
    this.onOpen();
  };

  #onData(data) {
    this.#heardAt = Date.now();
    this.#attempt = 0;
    this.onState("live");
    this.onMessage(JSON.parse(data));
  }

  #onLost = () => {
    this.#drop();
    this.onState("reconnecting");
    this.#timer = setTimeout(this.#reopen, backoffMs(this.#attempt++, Math.random()));
  };

  #reopen = () => this.#open();

  #onVisible = () => {
    if (!document.hidden && this.#needsReopening()) this.#open();
  };

  #checkWake = () => {
    const slept = Date.now() - this.#awakeAt > QUIET_LIMIT_MS;
    this.#awakeAt = Date.now();
    if (document.hidden) return;
    if (slept) this.#open();
    else if (this.#isOpen() && this.#isSilent()) this.#onLost();
  };

  #needsReopening() {
    return !this.#isOpen() || this.#isSilent();
  }

  #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #isSilent() {
    return Date.now() - this.#heardAt > QUIET_LIMIT_MS;
  }

  // The old socket is made deaf before it is closed, so that it cannot speak into the new connection.
  #drop() {
    clearTimeout(this.#timer);
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }
}
