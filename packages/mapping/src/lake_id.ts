/**
 * Names a lake by its centre, as glacial lake inventories do: `GL086925E27898N` is 86.925 degrees east, 27.898 north.
 * A name already in `taken` gets `-2`, `-3`, …; the name is added to `taken`.
 */
export function lakeId(lonDeg: number, latDeg: number, taken: Set<string>): string {
  const thousandths = (degrees: number, digits: number) =>
    Math.round(Math.abs(degrees) * 1000)
      .toString()
      .padStart(digits, "0");
  const base = `GL${thousandths(lonDeg, 6)}${lonDeg < 0 ? "W" : "E"}${thousandths(latDeg, 5)}${latDeg < 0 ? "S" : "N"}`;
  let id = base;
  for (let copy = 2; taken.has(id); copy++) id = `${base}-${copy}`;
  taken.add(id);
  return id;
}
