/** What is known about the offset of a product's numbers. */
export interface OffsetFacts {
  /** By the caller: `OpenSceneOptions.offsetDn`, `harmonised`. */
  readonly offsetDn?: number | undefined;
  readonly harmonised?: boolean | undefined;
  /** By the archive: the offset is out of the numbers already (STAC's `earthsearch:boa_offset_applied`). */
  readonly offsetApplied?: boolean | undefined;
  /** By the product's metadata, for this band. */
  readonly statedDn?: number | undefined;
  /** Processing baseline, `05.09`. */
  readonly baseline?: string | undefined;
  /** Names of collections or files, which may say `HARMONIZED`. */
  readonly names?: readonly string[] | undefined;
}

/** An offset and where it is from, in words. */
export interface OffsetRule {
  readonly offsetDn: number;
  readonly from: string;
}

/** From this processing baseline on (2022-01-25) digital numbers carry 1000 more, so that dark pixels need no negative ones. */
const firstOffsetBaseline = 4;

/**
 * The offset to add to digital numbers. The first that is known decides: the caller's number; the caller's `harmonised`;
 * an archive that has applied it, by its metadata or by a name with `HARMONIZED` (as Google Earth Engine's collections);
 * the product's metadata; the processing baseline (-1000 from 04.00 on); else 0.
 */
export function offsetRule(facts: OffsetFacts): OffsetRule {
  const { offsetDn, harmonised, offsetApplied, statedDn, baseline, names = [] } = facts;
  if (offsetDn !== undefined) return { offsetDn, from: "the caller" };
  if (harmonised === true) return { offsetDn: 0, from: "the caller: harmonised" };
  if (harmonised === undefined) {
    if (offsetApplied === true) return { offsetDn: 0, from: "the archive's metadata: applied already" };
    const telling = names.find((name) => /harmoni[sz]ed/i.test(name));
    if (telling !== undefined) return { offsetDn: 0, from: `the name ${telling}: harmonised` };
  }
  if (statedDn !== undefined) return { offsetDn: statedDn, from: "the product's metadata" };
  if (baseline !== undefined && baselineHasOffset(baseline)) {
    return { offsetDn: -1000, from: `processing baseline ${baseline}` };
  }
  return { offsetDn: 0, from: baseline === undefined ? "default" : `processing baseline ${baseline}` };
}

/**
 * Whether products of a processing baseline (`05.09`) carry the offset. 99.99 is what Sen2Cor writes into products made by
 * users: it tells nothing, their metadata does.
 */
export function baselineHasOffset(baseline: string): boolean {
  const version = Number(baseline);
  return version >= firstOffsetBaseline && version < 99;
}
