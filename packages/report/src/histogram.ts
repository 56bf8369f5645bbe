import { escapeHtml } from "./escape_html.js";

/** One bar: how many values lie in [from, to). */
export interface HistogramBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/**
 * Counts positive values in logarithmic bins, four to a decade: lake areas spread over many decades.
 * Bins at the ends are never empty; no value gives no bin.
 */
export function logHistogram(values: readonly number[], binsPerDecade = 4): HistogramBin[] {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return [];
  const bin = (value: number) => Math.floor(Math.log10(value) * binsPerDecade + 1e-9);
  const counts = new Map<number, number>();
  for (const value of positive) counts.set(bin(value), (counts.get(bin(value)) ?? 0) + 1);
  const numbers = [...counts.keys()].sort((a, b) => a - b);
  const [first, last] = [numbers[0]!, numbers.at(-1)!];
  const edge = (number: number) => 10 ** (number / binsPerDecade);
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const number = first + index;
    return { from: edge(number), to: edge(number + 1), count: counts.get(number) ?? 0 };
  });
}

/** Draws a histogram of areas in m2 as an SVG element with labelled axes. `axisLabel` may be any text. */
export function histogramSvg(bins: readonly HistogramBin[], axisLabel: string): string {
  const label = escapeHtml(axisLabel);
  const [width, height, left, bottom, top] = [640, 260, 44, 46, 12];
  const highest = Math.max(1, ...bins.map(({ count }) => count));
  const plotWidth = width - left - 10;
  const plotHeight = height - top - bottom;
  const barWidth = plotWidth / Math.max(1, bins.length);
  const bars = bins.map(({ from, to, count }, index) => {
    const barHeight = (count / highest) * plotHeight;
    const x = left + index * barWidth;
    return `<rect x="${(x + 1).toFixed(1)}" y="${(top + plotHeight - barHeight).toFixed(1)}" width="${Math.max(1, barWidth - 2).toFixed(1)}" height="${barHeight.toFixed(1)}"><title>${areaLabel(from)} to ${areaLabel(to)}: ${count}</title></rect>`;
  });
  const every = Math.max(1, Math.ceil(bins.length / 7));
  const ticks = bins
    .map(({ from }, index) => ({ from, index }))
    .filter(({ index }) => index % every === 0)
    .map(
      ({ from, index }) =>
        `<text x="${(left + index * barWidth).toFixed(1)}" y="${height - 28}" text-anchor="middle">${areaLabel(from)}</text>`,
    );
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}"><g class="bars">${bars.join("")}</g><line x1="${left}" y1="${top + plotHeight}" x2="${width - 10}" y2="${top + plotHeight}"/><text x="${left - 6}" y="${top + 10}" text-anchor="end">${highest}</text><text x="${left - 6}" y="${top + plotHeight}" text-anchor="end">0</text>${ticks.join("")}<text x="${left + plotWidth / 2}" y="${height - 8}" text-anchor="middle">${label}</text></svg>`;
}

/** `850 m²`, `0.012 km²`. */
export function areaLabel(areaM2: number): string {
  return Math.round(areaM2) < 10_000
    ? `${Math.round(areaM2)} m²`
    : `${Number((areaM2 / 1e6).toPrecision(3))} km²`;
}
