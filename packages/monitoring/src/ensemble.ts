import { GlofError } from "@glof/core";

/** Mean and spread of an ensemble, pixel by pixel. NaN where any member is NaN. */
export interface EnsembleProb {
  readonly meanProb: Float32Array;
  /** Standard deviation over the members, not corrected for their number (ddof 0), as DL4GAM takes it. */
  readonly sigmaProb: Float32Array;
}

/**
 * Averages the probabilities of several models for the same pixels.
 * @throws GlofError `bad-argument` without members, `shape-mismatch` when their lengths differ
 */
export function ensembleProb(members: readonly Float32Array[]): EnsembleProb {
  const first = members[0];
  if (first === undefined)
    throw new GlofError("bad-argument", "ensembleProb: expected at least one member, got none.");
  const other = members.find((member) => member.length !== first.length);
  if (other !== undefined) {
    throw new GlofError(
      "shape-mismatch",
      `ensembleProb: expected members of one length, got ${first.length} and ${other.length} pixels. Use one grid.`,
    );
  }
  const meanProb = new Float32Array(first.length);
  const sigmaProb = new Float32Array(first.length);
  for (let pixel = 0; pixel < first.length; pixel++) {
    let sum = 0;
    for (const member of members) sum += member[pixel]!;
    const mean = sum / members.length;
    let squares = 0;
    for (const member of members) squares += (member[pixel]! - mean) ** 2;
    meanProb[pixel] = mean;
    sigmaProb[pixel] = Math.sqrt(squares / members.length);
  }
  return { meanProb, sigmaProb };
}

/** Lower and upper count of lake pixels of an ensemble. */
export interface AreaBounds {
  readonly lowerCount: number;
  readonly upperCount: number;
}

/**
 * Bounds of an area from ensemble mean and spread: `UB(τ) = #{μ + σ ≥ τ}`, `LB(τ) = #{μ − σ ≥ 1 − τ}` (DL4GAM).
 * τ = 0.5 is the uncalibrated pair; smaller τ widens the interval. NaN pixels count in neither.
 *
 * @param tau in [0, 0.5]
 */
export function areaBounds(prob: EnsembleProb, tau = 0.5): AreaBounds {
  if (!(tau >= 0 && tau <= 0.5)) {
    throw new GlofError("bad-argument", `areaBounds: expected tau in [0, 0.5], got ${tau}.`);
  }
  let lowerCount = 0;
  let upperCount = 0;
  for (let pixel = 0; pixel < prob.meanProb.length; pixel++) {
    const mean = prob.meanProb[pixel]!;
    const sigma = prob.sigmaProb[pixel]!;
    if (mean + sigma >= tau) upperCount++;
    if (mean - sigma >= 1 - tau) lowerCount++;
  }
  return { lowerCount, upperCount };
}
