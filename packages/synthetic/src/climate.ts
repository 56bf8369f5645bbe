import type { Rng } from "@glof/core";
import { mix } from "./grid.js";
import type { Season, SunPosition } from "./types.js";

/** Ranges that a season draws from. */
interface SeasonTable {
  /** Share of the land above the snow line. */
  readonly snowShare: readonly [number, number];
  readonly sunElevationDeg: readonly [number, number];
  readonly sunAzimuthDeg: readonly [number, number];
  /** Chance that a lake carries ice. */
  readonly frozen: number;
  /** Freshness of the snow: 0 old and wet, 1 new and dry. */
  readonly freshness: readonly [number, number];
  readonly green: number;
  /** Snow patches below the line: share of ground. */
  readonly patches: readonly [number, number];
}

const SEASON_TABLE: Readonly<Record<Season, SeasonTable>> = {
  winter: {
    snowShare: [0.08, 0.6],
    sunElevationDeg: [30, 46],
    sunAzimuthDeg: [148, 166],
    frozen: 0.85,
    freshness: [0.2, 0.9],
    green: 0,
    patches: [0, 0.12],
  },
  spring: {
    snowShare: [0.12, 0.75],
    sunElevationDeg: [50, 67],
    sunAzimuthDeg: [110, 150],
    frozen: 0.5,
    freshness: [0.4, 1],
    green: 0.05,
    patches: [0.02, 0.3],
  },
  summer: {
    snowShare: [0.02, 0.3],
    sunElevationDeg: [55, 71],
    sunAzimuthDeg: [95, 145],
    frozen: 0.04,
    freshness: [0, 0.4],
    green: 0.8,
    patches: [0, 0.06],
  },
  autumn: {
    snowShare: [0.06, 0.6],
    sunElevationDeg: [35, 55],
    sunAzimuthDeg: [142, 164],
    frozen: 0.12,
    freshness: [0.15, 0.9],
    green: 0.25,
    patches: [0, 0.2],
  },
};

/** The weather and light of one scene. */
export interface Climate {
  readonly sun: SunPosition;
  /** Share of the land above the snow line, 0 to 1. */
  readonly snowShare: number;
  readonly freshness: number;
  readonly frozenChance: number;
  readonly green: number;
  readonly patches: number;
}

/** Draws the weather of a scene from its season. */
export function makeClimate(season: Season, rng: Rng): Climate {
  const table = SEASON_TABLE[season];
  const draw = ([low, high]: readonly [number, number]): number => rng.uniform(low, high);
  return {
    sun: { azimuthDeg: draw(table.sunAzimuthDeg), elevationDeg: draw(table.sunElevationDeg) },
    snowShare: draw(table.snowShare),
    freshness: draw(table.freshness),
    frozenChance: table.frozen,
    green: table.green * mix(0.3, 1, rng.next()),
    patches: draw(table.patches) * rng.next(),
  };
}
