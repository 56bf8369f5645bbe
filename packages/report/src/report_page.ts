import { escapeHtml } from "./escape_html.js";
import { areaLabel, histogramSvg, logHistogram } from "./histogram.js";
import { REPORT_STYLE } from "./report_style.js";

/** One line of the table of lakes. */
export interface ReportLake {
  readonly id: string;
  readonly areaM2: number;
  /** One standard deviation of the area. */
  readonly areaSigmaM2: number;
  readonly perimeterM: number;
  readonly meanProb: number;
  /** Below 1 where pixels without data touch the lake. */
  readonly validFraction: number;
  readonly touchesEdge: boolean;
  readonly lonDeg: number;
  readonly latDeg: number;
}

/** What the report page shows. */
export interface ReportOptions {
  readonly title: string;
  /** Bytes of the preview picture. */
  readonly previewPng: Uint8Array;
  readonly lakes: readonly ReportLake[];
  /** Name and value of whatever the reader should know: inputs, model, threshold, versions. Shown in this order. */
  readonly settings: readonly (readonly [name: string, value: string])[];
}

/**
 * A self-contained HTML page: summary, preview, histogram of areas, table of lakes (largest first), settings. No script,
 * nothing to fetch; every text is escaped.
 */
export function renderReport(options: ReportOptions): string {
  const { title, previewPng, settings } = options;
  const lakes = [...options.lakes].sort((a, b) => b.areaM2 - a.areaM2);
  const areas = lakes.map(({ areaM2 }) => areaM2);
  const total = areas.reduce((sum, area) => sum + area, 0);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p class="summary"><b>${lakes.length}</b> ${lakes.length === 1 ? "lake" : "lakes"}, <b>${areaLabel(total)}</b> in all${
    lakes.length === 0 ? "" : `, the largest <b>${areaLabel(areas[0]!)}</b>`
  }.</p>
<figure><img alt="True colour with lake outlines" src="data:image/png;base64,${toBase64(previewPng)}"><figcaption>True colour; lake outlines in yellow. North is up.</figcaption></figure>
${lakes.length === 0 ? "" : `<h2>Areas</h2>\n${histogramSvg(logHistogram(areas), "lake area")}\n${lakeTable(lakes)}`}
<h2>Settings</h2>
<table class="settings"><tbody>${settings
    .map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`)
    .join("")}</tbody></table>
</main>
</body>
</html>
`;
}

function lakeTable(lakes: readonly ReportLake[]): string {
  const rows = lakes.map((lake) => {
    const notes = [
      ...(lake.touchesEdge ? ["reaches the edge of the map"] : []),
      ...(lake.validFraction < 1 ? [`${Math.floor(100 * lake.validFraction)} % of the shore seen`] : []),
    ];
    return `<tr><td>${escapeHtml(lake.id)}</td><td class="number">${Math.round(lake.areaM2).toLocaleString("en")}</td><td class="number">${Math.round(lake.areaSigmaM2).toLocaleString("en")}</td><td class="number">${Math.round(lake.perimeterM).toLocaleString("en")}</td><td class="number">${lake.meanProb.toFixed(2)}</td><td class="number">${lake.latDeg.toFixed(5)}, ${lake.lonDeg.toFixed(5)}</td><td>${notes.join("; ")}</td></tr>`;
  });
  return `<h2>Lakes</h2>
<div class="scroll"><table><thead><tr><th>id</th><th>area (m²)</th><th>± σ (m²)</th><th>perimeter (m)</th><th>mean probability</th><th>latitude, longitude</th><th>note</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

const BASE64 = new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

/** Works in Node and in browsers. */
function toBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(4 * Math.ceil(bytes.length / 3)).fill(61);
  for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
    const left = bytes.length - from;
    const three = (bytes[from]! << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    text[to] = BASE64[three >> 18]!;
    text[to + 1] = BASE64[(three >> 12) & 63]!;
    if (left > 1) text[to + 2] = BASE64[(three >> 6) & 63]!;
    if (left > 2) text[to + 3] = BASE64[three & 63]!;
  }
  return new TextDecoder().decode(text);
}
