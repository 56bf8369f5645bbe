/**
 * Weights of one axis of a tile: `sin⁴(π (i + ½) / n)`, a squared Hann window sampled at pixel centres, hence never 0.
 *
 * A tile knows least near its own edges, so they count least and neighbours fade into each other. The square keeps what
 * padding inside the model spoils there out of the result: over an overlap most of the change lies in its middle. Where an edge of the
 * tile is the border of the raster there is nothing more to know and no neighbour to fade into: from the middle to that
 * border the weight is 1.
 *
 * @param tilePx length of the axis
 * @param atStart the tile starts at the raster's border
 * @param atEnd the tile ends at the raster's border (or hangs over it)
 */
export function blendWindow(tilePx: number, atStart: boolean, atEnd: boolean): Float32Array {
  const weights = new Float32Array(tilePx);
  for (let index = 0; index < tilePx; index++) {
    const inFirstHalf = index + 0.5 < tilePx / 2;
    const flat = inFirstHalf ? atStart : atEnd;
    weights[index] = flat ? 1 : Math.sin((Math.PI * (index + 0.5)) / tilePx) ** 4;
  }
  return weights;
}

/** The windows of every tile of one axis; tiles inside the raster share one array. */
export function axisWindows(corners: readonly number[], tilePx: number, size: number): Float32Array[] {
  const inner = blendWindow(tilePx, false, false);
  return corners.map((corner) => {
    const atStart = corner === 0;
    const atEnd = corner + tilePx >= size;
    return atStart || atEnd ? blendWindow(tilePx, atStart, atEnd) : inner;
  });
}
