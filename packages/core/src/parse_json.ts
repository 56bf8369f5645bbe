/** Far more than any format of JSON nests, and far less than what overflows the stack of those who walk it. */
const deepest = 500;

/**
 * `JSON.parse` for text from anywhere: what nests deeper than 500 lists and objects is refused before it is parsed, since
 * whoever walks or prints such a value runs out of stack.
 *
 * @throws SyntaxError as `JSON.parse` does, for that too
 */
export function parseJson(text: string): unknown {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > deepest) throw new SyntaxError(`more than ${deepest} levels of lists and objects`);
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return JSON.parse(text) as unknown;
}

/** Where the string that begins here ends. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}
