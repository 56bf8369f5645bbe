import { pick, type SeededRng } from "./rng.js";

/** Values that stand where something else belongs. */
const oddValues: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -0,
    -1,
    1,
    0.5,
    1e308,
    -1e308,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    2 ** 63,
    1e5,
    4294967295,
  ],
  ...[
    "",
    " ",
    "\0",
    "NaN",
    "-1",
    "../../x",
    "/etc/passwd",
    "http://[",
    "file:///x",
    "x".repeat(5000),
    "é\u{1f600}",
  ],
  ...["EPSG:0", "EPSG:32645", "2023-99-99T99:99:99Z", "__proto__", "constructor", "%s%n", "1e999"],
  ...[[], {}, [null], [[]], [[[]]], { length: -1 }, { toString: 1 }, [1, "a", null], { type: "Feature" }],
];

/** Texts that stand where a number, name or element belongs. */
const oddTexts: readonly string[] = [
  ...[
    "",
    "0",
    "-1",
    "1e999",
    "NaN",
    "4294967296",
    "99999999999999999999",
    "nan",
    "<",
    "&",
    "&#0;",
    "&#x110000;",
  ],
  ...[
    "<![CDATA[",
    "]]>",
    "<!--",
    "<?",
    "<!DOCTYPE x [<!ENTITY a 'a'>]>",
    "&a;",
    "\0",
    "\ud800",
    "'",
    '"',
    "{",
    "[",
    "}",
    ":",
    "- ",
    "\t",
  ],
  ...[
    "&x",
    "*x",
    "!!binary x",
    "<<: *x",
    "? ",
    "|",
    ">",
    "%YAML 9.9\n",
    "---\n",
    "!!js/function x",
    "1_000",
    "0x10",
    "~",
  ],
];

/** Damages JSON: mostly values, keys and nesting of what it holds, sometimes the text itself. */
export function mutateJson(text: string, rng: SeededRng): string {
  if (rng.int(5) === 0) return mutateText(text, rng);
  try {
    let value: unknown = JSON.parse(text);
    const rounds = 1 + rng.int(3);
    for (let round = 0; round < rounds; round++)
      value = changeNode(value, rng, 1 + rng.int(countNodes(value)));
    return JSON.stringify(value) ?? "";
  } catch {
    // No JSON any more, or nested deeper than this walk goes.
    return mutateText(text, rng);
  }
}

const isContainer = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const countNodes = (value: unknown): number =>
  isContainer(value) ? Object.values(value).reduce<number>((sum, part) => sum + countNodes(part), 1) : 1;

/** Changes the node that a walk in the order of the text meets as number `steps`. */
function changeNode(value: unknown, rng: SeededRng, steps: number): unknown {
  let left = steps;
  const walk = (node: unknown): unknown => {
    if (--left === 0) return oddNode(node, rng);
    if (!isContainer(node) || left < 0) return node;
    if (Array.isArray(node)) return node.map(walk);
    return Object.fromEntries(Object.entries(node).map(([key, part]) => [key, walk(part)]));
  };
  return walk(value);
}

function oddNode(node: unknown, rng: SeededRng): unknown {
  const kind = rng.int(6);
  if (kind === 0) return nested(node, rng.int(4) === 0 ? 3000 : 1 + rng.int(40), rng);
  if (kind === 1 && typeof node === "number")
    return pick([-node, node + 1, node * 1e10, node / 3, String(node)], rng);
  if (kind === 1 && typeof node === "string") return mutateText(node, rng);
  if (Array.isArray(node) && kind < 4) {
    if (kind === 1) return [...node, ...node];
    if (kind === 2) return node.slice(0, rng.int(node.length + 1));
    return Array.from({ length: 2000 }, () => node[0]);
  }
  if (isContainer(node) && kind < 4) {
    const entries = Object.entries(node);
    const at = rng.int(entries.length + 1);
    if (kind === 1) return Object.fromEntries(entries.filter((_, index) => index !== at));
    if (kind === 2)
      return { ...node, [pick(["type", "id", "", "__proto__", "toString"], rng)]: pick(oddValues, rng) };
    const values = entries.map(([, part]) => part);
    return Object.fromEntries(entries.map(([key], index) => [key, values[(index + 1) % values.length]]));
  }
  return pick(oddValues, rng);
}

function nested(node: unknown, depth: number, rng: SeededRng): unknown {
  const inList = rng.int(2) === 0;
  const type = "GeometryCollection";
  let result = node;
  for (let level = 0; level < depth; level++) result = inList ? [result] : { type, geometries: [result] };
  return result;
}

/** Damages XML: elements, attributes and texts are emptied, doubled, nested, dropped and exchanged. */
export function mutateXml(text: string, rng: SeededRng): string {
  let result = text;
  const rounds = 1 + rng.int(3);
  for (let round = 0; round < rounds; round++) result = xmlChange(result, rng);
  return result;
}

function xmlChange(text: string, rng: SeededRng): string {
  const pieces = text.split(/(<[^>]*>)/);
  const at = rng.int(pieces.length);
  const tags = pieces.flatMap((piece, index) => (piece.startsWith("<") ? [index] : []));
  const tag = tags.length === 0 ? at : pick(tags, rng);
  switch (rng.int(8)) {
    case 0:
      return mutateText(text, rng);
    case 1:
      return replaced(pieces, at, pick(oddTexts, rng));
    case 2:
      return replaced(pieces, tag, "");
    case 3:
      return replaced(pieces, tag, pieces[tag]!.repeat(pick([2, 3, 50, 20_000], rng)));
    case 4:
      return replaced(pieces, tag, pieces[pick(tags.length === 0 ? [0] : tags, rng)]!);
    case 5:
      return replaced(
        pieces,
        tag,
        pieces[tag]!.replace(/="[^"]*"/, () => `="${pick(oddTexts, rng)}"`),
      );
    case 6:
      return pieces.map((piece) => (piece === pieces[at] ? pick(oddTexts, rng) : piece)).join("");
    default: {
      const end = Math.min(pieces.length, at + rng.int(30));
      const cut = pieces.slice(at, end).join("");
      const times = pick([0, 2, 3, 100], rng);
      return pieces.slice(0, at).join("") + cut.repeat(times) + pieces.slice(end).join("");
    }
  }
}

const replaced = (pieces: readonly string[], at: number, by: string): string =>
  pieces.map((piece, index) => (index === at ? by : piece)).join("");

/** Damages YAML line by line: settings are dropped, doubled, moved in and out, and given other values. */
export function mutateYaml(text: string, rng: SeededRng): string {
  const lines = text.split("\n");
  const at = rng.int(lines.length);
  const line = lines[at]!;
  const other = [
    () => [],
    () => [line, line],
    () => [` ${line}`],
    () => [line.trimStart()],
    () => [line.replace(/:.*$/, () => `: ${JSON.stringify(pick(oddValues, rng))}`)],
    () => [line.replace(/:.*$/, () => `: ${pick(oddTexts, rng)}`)],
    () => [line, "a: &a [x,x,x,x,x,x,x,x,x]", ...aliasBomb],
    () => [`${line.replace(/:.*$/, "")}: ${"[".repeat(pick([1, 5, 5000], rng))}`],
    () => [
      `${pick(["<<", "__proto__", "? [a]", "constructor", "toString"], rng)}: ${line.replace(/^.*:/, "")}`,
    ],
  ];
  if (rng.int(6) === 0) return mutateText(text, rng);
  return [...lines.slice(0, at), ...pick(other, rng)(), ...lines.slice(at + 1)].join("\n");
}

/** Nine lists of nine of the last: a small text that stands for billions of values. */
const aliasBomb = [..."bcdefghij"].map((name, index) => {
  const last = `*${"abcdefghij"[index]}`;
  return `${name}: &${name} [${Array.from({ length: 9 }, () => last).join(",")}]`;
});

/** Damages text of any kind, as broken downloads and bad hands do. */
export function mutateText(text: string, rng: SeededRng): string {
  const at = rng.int(text.length + 1);
  const length = Math.floor(rng.next() ** 3 * 200);
  switch (rng.int(7)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return (
        text.slice(0, at) +
        text.slice(at, at + length).repeat(pick([2, 3, 200], rng)) +
        text.slice(at + length)
      );
    case 3:
      return text.slice(0, at) + String.fromCharCode(rng.int(0x250)) + text.slice(at + 1);
    case 4:
      return text.replace(/\d+/g, (number) => (rng.int(20) === 0 ? pick(oddTexts, rng) : number));
    case 5:
      return text.slice(0, at) + pick(oddTexts, rng) + text.slice(at);
    default:
      return (
        text.slice(0, at) +
        pick(["[", "{", "(", "<a>", '{"a":', "[["], rng).repeat(pick([1, 50, 20_000], rng)) +
        text.slice(at)
      );
  }
}
