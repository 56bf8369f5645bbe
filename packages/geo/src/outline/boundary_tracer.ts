import type { RowRuns } from "./row_runs.js";
import { createVertexChains } from "./vertex_chains.js";

/** Called for each closed ring, with the run of the upper row whose region it bounds. */
export type OnRing = (upperRun: number, ring: Int32Array) => void;
/** Called where an upper and a lower run touch only at a corner. */
export type OnCornerContact = (upperRun: number, lowerRun: number) => void;

/** Follows the boundary between inside and outside from row to row. */
export interface BoundaryTracer {
  /** Handles grid line `y`, between the rows `upper` (above) and `lower` (below). Call for each line in turn. */
  traceLine(
    y: number,
    upper: RowRuns,
    lower: RowRuns,
    onRing: OnRing,
    onCornerContact: OnCornerContact,
  ): void;
}

/**
 * Boundaries run along pixel edges with the inside on the left as seen on a north-up map, so outer rings go
 * counter-clockwise and holes clockwise: down on the left side of a run, up on its right side, east below, west above. A
 * vertical edge that goes on into the next row is an open chain: of a left side its tail is open, of a right side its
 * head. Only corners become vertices.
 *
 * Where two inside pixels touch at a corner only, each keeps the corner to itself ("pinch" vertices): that is right for
 * two regions, and `splitAtPinches` mends it later where both belong to one.
 */
export function createBoundaryTracer(width: number, chains = createVertexChains()): BoundaryTracer {
  // Open chain ends at the vertical edges of the upper and the lower row.
  let [upperEnds, lowerEnds] = [new Int32Array(8), new Int32Array(8)];

  return {
    traceLine(y, upper, lower, onRing, onCornerContact) {
      const { edges: up, count: upCount } = upper;
      const { edges: low, count: lowCount } = lower;
      if (lowerEnds.length < lowCount) lowerEnds = new Int32Array(2 * lowCount);
      // The end of the chain whose horizontal edge is being followed eastwards.
      let pending = -1;
      for (let iu = 0, il = 0; iu < upCount || il < lowCount; ) {
        const upX = iu < upCount ? up[iu]! : width + 1;
        const lowX = il < lowCount ? low[il]! : width + 1;
        const x = Math.min(upX, lowX);
        const hasNorth = upX === x;
        const hasSouth = lowX === x;
        // Odd edges close a run: west of one is inside.
        const isUpperInside = (iu & 1) === 1;
        const hasWest = isUpperInside !== ((il & 1) === 1);
        const isPinch = hasNorth && hasSouth && hasWest;
        // Even edges are left sides: their tails are open.
        const northIsTail = !isUpperInside;
        // An edge with the inside above it runs east: its tail is pending.
        const westIsTail = isUpperInside;
        if (isPinch) onCornerContact(iu >> 1, il >> 1);

        const turnsWest = hasNorth && hasWest && (!hasSouth || isUpperInside);
        if (hasNorth && hasSouth && !hasWest) lowerEnds[il] = upperEnds[iu]!;
        else if (turnsWest) {
          const north = upperEnds[iu]!;
          const ring = northIsTail
            ? chains.join(north, pending, x, y, isPinch)
            : chains.join(pending, north, x, y, isPinch);
          if (ring !== undefined) onRing(iu >> 1, ring);
          if (hasSouth) pending = lowerEnds[il] = chains.start(x, y, true);
        } else {
          const west = pending;
          if (hasNorth) pending = extend(upperEnds[iu]!, northIsTail, x, y, isPinch);
          if (hasSouth) {
            lowerEnds[il] = hasWest ? extend(west, westIsTail, x, y, isPinch) : chains.start(x, y, false);
            if (!hasWest) pending = lowerEnds[il]!;
          }
        }
        if (hasNorth) iu++;
        if (hasSouth) il++;
      }
      [upperEnds, lowerEnds] = [lowerEnds, upperEnds];
    },
  };

  function extend(end: number, isTail: boolean, x: number, y: number, isPinch: boolean): number {
    return isTail ? chains.append(end, x, y, isPinch) : chains.prepend(end, x, y, isPinch);
  }
}
