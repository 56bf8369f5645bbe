export { blankCanvas, type Canvas, type Color, drawLine, fillRect } from "./canvas.js";
export { enlargeCanvas } from "./enlarge.js";
export { escapeHtml } from "./escape_html.js";
export { areaLabel, type HistogramBin, histogramSvg, logHistogram } from "./histogram.js";
export { type PreviewOptions, renderPreview } from "./preview.js";
export { type ReportLake, type ReportOptions, renderReport } from "./report_page.js";
export { drawScaleBar, niceLengthM } from "./scale_bar.js";
export { beginOverview, DEFAULT_OVERVIEW_SIDE_PX, type OverviewBuilder } from "./true_color.js";
