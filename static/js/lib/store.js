// One state, changed by messages, drawn at most once a frame however many messages came.

export function createStore(reduce, initial) {
  let state = initial;
  let draw = () => {};
  let isScheduled = false;

  function flush() {
    isScheduled = false;
    draw(state);
  }

  return {
    get state() {
      return state;
    },
    dispatch(message) {
      const next = reduce(state, message);
      if (next === state) return;
      state = next;
      if (!isScheduled) requestAnimationFrame(flush);
      isScheduled = true;
    },
    connect(onDraw) {
      draw = onDraw;
      draw(state);
    },
  };
}
