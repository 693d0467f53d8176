// What this browser remembers. A browser that forbids storage still works; it just forgets.

const PREFIX = "saga-workshop.";

export function recall(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch (error) {
    console.info("This browser does not keep settings:", error.message);
  }
}
