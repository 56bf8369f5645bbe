/** A region connected by edges while its rows arrive: a node of a union-find forest. */
export interface Region {
  parent: Region;
  /** Last row in which it has a pixel. */
  lastRow: number;
  isFinished: boolean;
  /** Its closed rings so far. */
  rings: Int32Array[];
  group: RegionGroup;
}

/** What is told of an outline: one region, or with 8-connectivity several that touch at corners. */
export interface RegionGroup {
  parent: RegionGroup;
  openRegions: number;
  /** Closed rings of each finished region. */
  parts: Int32Array[][];
  /** First pixel in reading order: row times width plus column. */
  firstPixel: number;
  pixelCount: number;
  probSum: number;
  probCount: number;
  validCount: number;
  touchesEdge: boolean;
  noDataNeighbours: number;
}

/** A region of its own, first seen at `firstPixel`. */
export function createRegion(firstPixel: number, row: number): Region {
  const group = {
    openRegions: 1,
    parts: [],
    firstPixel,
    pixelCount: 0,
    probSum: 0,
    probCount: 0,
    validCount: 0,
    touchesEdge: false,
    noDataNeighbours: 0,
  } as Omit<RegionGroup, "parent"> as RegionGroup;
  group.parent = group;
  const region = { lastRow: row, isFinished: false, rings: [], group } as Omit<
    Region,
    "parent"
  > as unknown as Region;
  region.parent = region;
  return region;
}

/** The representative of a region or group. */
export function rootOf<T extends { parent: T }>(member: T): T {
  let root = member;
  while (root.parent !== root) {
    root.parent = root.parent.parent;
    root = root.parent;
  }
  return root;
}

/** Makes two regions one. */
export function joinRegions(one: Region, other: Region): Region {
  const [a, b] = [rootOf(one), rootOf(other)];
  if (a === b) return a;
  const [kept, gone] = a.rings.length >= b.rings.length ? [a, b] : [b, a];
  gone.parent = kept;
  kept.lastRow = Math.max(kept.lastRow, gone.lastRow);
  for (const ring of gone.rings) kept.rings.push(ring);
  gone.rings = [];
  kept.group = joinGroups(kept.group, gone.group);
  kept.group.openRegions--;
  return kept;
}

/** Makes the groups of two regions one; the regions stay apart. */
export function joinGroups(one: RegionGroup, other: RegionGroup): RegionGroup {
  const [a, b] = [rootOf(one), rootOf(other)];
  if (a === b) return a;
  const [kept, gone] = a.parts.length >= b.parts.length ? [a, b] : [b, a];
  gone.parent = kept;
  kept.openRegions += gone.openRegions;
  for (const part of gone.parts) kept.parts.push(part);
  gone.parts = [];
  kept.firstPixel = Math.min(kept.firstPixel, gone.firstPixel);
  kept.pixelCount += gone.pixelCount;
  kept.probSum += gone.probSum;
  kept.probCount += gone.probCount;
  kept.validCount += gone.validCount;
  kept.touchesEdge ||= gone.touchesEdge;
  kept.noDataNeighbours += gone.noDataNeighbours;
  return kept;
}
