import { GlofError } from "@glof/core";
import { type Crs, formatGeoJson } from "@glof/geo";
import { type Lake, toFeature } from "@glof/mapping/browser";

/** The lakes as RFC 7946 GeoJSON, with the columns that `glof map` writes. */
export function lakesAsGeoJson(lakes: readonly Lake[], crs: Crs): string {
  return formatGeoJson(lakes.map(toFeature), { crs, name: "lakes" });
}

/** The picture of a canvas as a PNG file. */
export function canvasAsPng(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else
        reject(
          new GlofError("internal", "canvasAsPng: expected a PNG from the browser, got none. Try again."),
        );
    }, "image/png");
  });
}

/** Saves a file through the browser's own download. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The download has begun by then; the browser keeps what it needs.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
