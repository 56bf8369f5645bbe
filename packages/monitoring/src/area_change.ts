import { GlofError } from "@glof/core";

/** A lake's area at one date. */
export interface DatedArea {
  /** Decimal year, such as 2024.62. */
  readonly year: number;
  readonly areaM2: number;
  /** One standard deviation. */
  readonly sigmaM2: number;
}

/** Change of a lake's area between two dates. */
export interface AreaChange {
  /** m2 per year; negative shrinks. */
  readonly rateM2PerYear: number;
  readonly sigmaM2PerYear: number;
  /** Per cent of the first area per year; `undefined` when there was no lake at first. */
  readonly ratePercentPerYear: number | undefined;
  /** |rate| / sigma: below 1 the change drowns in its uncertainty. */
  readonly signalToNoise: number;
}

/** Least sigma that divides, as in DL4GAM's filter. */
const SMALLEST_SIGMA = 1e-9;

/**
 * Rate of change of an area between two dates, with the dates' uncertainties taken as independent:
 * `rate = (A1 − A0) / Δt`, `σ = √(σ0² + σ1²) / Δt` (DL4GAM, Dascălu et al. 2025, doi 10.1029/2025EA004197).
 * Decimal years, so that two images of one year apart by months give a rate too.
 *
 * @throws GlofError `bad-argument` when the second date is not after the first
 */
export function areaChange(first: DatedArea, second: DatedArea): AreaChange {
  const years = second.year - first.year;
  if (!(years > 0)) {
    throw new GlofError(
      "bad-argument",
      `areaChange: expected the second date after the first, got ${first.year} and ${second.year}. Order them by date.`,
    );
  }
  const rateM2PerYear = (second.areaM2 - first.areaM2) / years;
  const sigmaM2PerYear = Math.hypot(first.sigmaM2, second.sigmaM2) / years;
  return {
    rateM2PerYear,
    sigmaM2PerYear,
    ratePercentPerYear: first.areaM2 > 0 ? (100 * rateM2PerYear) / first.areaM2 : undefined,
    signalToNoise: Math.abs(rateM2PerYear) / Math.max(sigmaM2PerYear, SMALLEST_SIGMA),
  };
}
