// What somebody has typed where a number is wanted.

/** What is not a number goes to the server as it is: the server has the words for what is wrong with it. */
export function numberOf(text) {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}
