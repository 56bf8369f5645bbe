import type { Rng } from "@glof/core";

/** Land cut into rectangles by roads and field edges, in a turned frame. */
export interface Parcels {
  /** Number of parcels. */
  readonly count: number;
  /** Which parcel a position lies in, and the distance to its nearest side, metres. */
  locate(xM: number, yM: number, result: ParcelPosition): ParcelPosition;
}

/** Where a position lies among parcels. */
export interface ParcelPosition {
  parcel: number;
  edgeM: number;
  /** Position inside the parcel along its sides, metres. */
  alongM: number;
  acrossM: number;
}

/** A cut of the plane: either a line with two halves, or a parcel. */
interface Cut {
  readonly axis: 0 | 1;
  readonly at: number;
  readonly low: Cut | number;
  readonly high: Cut | number;
}

/**
 * Cuts a square of `sizeM` around (`centreXM`, `centreYM`) until sides are between `smallestM` and about four
 * times that.
 */
export function makeParcels(
  sizeM: number,
  centre: { x: number; y: number },
  smallestM: number,
  rng: Rng,
): Parcels {
  const turn = rng.uniform(0, Math.PI / 2);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const boxes: [number, number, number, number][] = [];
  const split = (box: [number, number, number, number]): Cut | number => {
    const [wide, tall] = [box[2] - box[0], box[3] - box[1]];
    const longest = Math.max(wide, tall);
    const done = longest < smallestM * 1.8 || (longest < smallestM * 5 && rng.next() < 0.25);
    if (done) return boxes.push(box) - 1;
    const axis = wide > tall ? 0 : 1;
    const at = box[axis]! + longest * rng.uniform(0.35, 0.65);
    const low: typeof box = [...box];
    const high: typeof box = [...box];
    low[axis + 2] = at;
    high[axis] = at;
    return { axis, at, low: split(low), high: split(high) };
  };
  const half = sizeM * 0.75;
  const root = split([-half, -half, half, half]);
  return {
    count: boxes.length,
    locate(xM, yM, result) {
      const dx = xM - centre.x;
      const dy = yM - centre.y;
      const place = [dx * cos + dy * sin, dy * cos - dx * sin] as const;
      let node = root;
      while (typeof node !== "number") node = place[node.axis] < node.at ? node.low : node.high;
      const box = boxes[node]!;
      result.parcel = node;
      result.alongM = place[0] - box[0];
      result.acrossM = place[1] - box[1];
      result.edgeM = Math.min(result.alongM, box[2] - place[0], result.acrossM, box[3] - place[1]);
      return result;
    },
  };
}
