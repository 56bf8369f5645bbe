import type { Lake } from "@glof/mapping/browser";

/** A page with tens of thousands of rows is of no use; the files have all lakes. */
const mostRows = 500;

const columns: readonly [title: string, text: (lake: Lake) => string][] = [
  ["Area, m²", ({ areaM2 }) => whole(areaM2)],
  ["± sigma, m²", ({ areaSigmaM2 }) => whole(areaSigmaM2)],
  ["Perimeter, m", ({ perimeterM }) => whole(perimeterM)],
  ["Mean probability", ({ meanProb }) => meanProb.toFixed(2)],
  ["Note", noteOf],
];

/** Fills an element with the table of lakes; the lake's name is a button that selects it. */
export function renderTable(
  target: HTMLElement,
  lakes: readonly Lake[],
  selectedId: string | undefined,
  onSelect: (id: string) => void,
): void {
  const table = document.createElement("table");
  const caption = table.createCaption();
  caption.textContent = captionOf(lakes);
  if (lakes.length > 0) {
    const head = table.createTHead().insertRow();
    for (const title of ["Lake", ...columns.map(([name]) => name)]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = title;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const lake of lakes.slice(0, mostRows)) addRow(body, lake, lake.id === selectedId, onSelect);
  }
  target.replaceChildren(table);
}

/** Text above the table: how many lakes, and how much water. */
export function captionOf(lakes: readonly Lake[]): string {
  if (lakes.length === 0) return "No lake at this threshold.";
  const areaKm2 = lakes.reduce((sum, { areaM2 }) => sum + areaM2, 0) / 1e6;
  const count = `${lakes.length} ${lakes.length === 1 ? "lake" : "lakes"}, ${areaKm2.toFixed(3)} km² in all`;
  return lakes.length > mostRows ? `${count}; the ${mostRows} largest:` : count;
}

function addRow(
  body: HTMLTableSectionElement,
  lake: Lake,
  isSelected: boolean,
  onSelect: (id: string) => void,
): void {
  const row = body.insertRow();
  const name = document.createElement("th");
  name.scope = "row";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = lake.id;
  button.setAttribute("aria-pressed", String(isSelected));
  button.addEventListener("click", () => onSelect(lake.id));
  name.append(button);
  row.append(name);
  for (const [, text] of columns) row.insertCell().textContent = text(lake);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function noteOf({ touchesEdge, validFraction }: Lake): string {
  const notes = [];
  if (touchesEdge) notes.push("reaches the image's edge");
  if (validFraction < 1) notes.push("beside missing data");
  return notes.join(", ");
}
