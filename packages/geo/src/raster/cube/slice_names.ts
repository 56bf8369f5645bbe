import { coordinateOf } from "./cf_axes.js";
import { type CubeStore, type CubeVariable, textAttribute } from "./cube_store.js";

/** Longer coordinates than this are not read for names. */
const maxNamed = 65_535;

/**
 * Names of the bands that the dimensions `others` make, in C order: the variable's own name if there is none; the list in
 * `long_name` where it has one text per band (rioxarray's and DL4GAM's band names); else the coordinates' values,
 * `time=2021-08-01, level=2`.
 */
export async function bandNames(
  store: CubeStore,
  variable: CubeVariable,
  others: readonly number[],
): Promise<string[]> {
  const count = others.reduce((product, dimension) => product * variable.shape[dimension]!, 1);
  if (others.length === 0) return [variable.name.split("/").at(-1)!];
  const listed = variable.attributes.long_name;
  if (Array.isArray(listed) && listed.length === count) return listed.map(String);
  if (typeof listed === "string" && count === 1) return [listed];
  const labels: string[][] = [];
  for (const dimension of others) labels.push(await labelsOf(store, variable, dimension));
  return labels.reduce<string[]>(
    (names, next) =>
      names.flatMap((name) => next.map((label) => (name === "" ? label : `${name}, ${label}`))),
    [""],
  );
}

async function labelsOf(store: CubeStore, variable: CubeVariable, dimension: number): Promise<string[]> {
  const name = variable.dimensions[dimension]!.split("/").at(-1)!;
  const size = variable.shape[dimension]!;
  const coordinate = coordinateOf(store, variable, dimension);
  const plain = (): string[] => Array.from({ length: size }, (_, index) => `${name}=${index}`);
  if (coordinate === undefined || size > maxNamed) return plain();
  if (coordinate.dtype === undefined) {
    const texts = await coordinate.readTexts().catch(() => []);
    return texts.length === size ? [...texts] : plain();
  }
  const values = Array.from(await coordinate.read([0], [size]));
  const toDate = dateReader(textAttribute(coordinate, "units"), textAttribute(coordinate, "calendar"));
  return values.map((value) => `${name}=${toDate?.(value) ?? value}`);
}

const secondsOf: Readonly<Record<string, number>> = { day: 86_400, hour: 3_600, minute: 60, second: 1 };

/** Reads `days since 2000-01-01` and the like (CF 1.11, 4.4) in calendars that agree with ours today. */
function dateReader(
  units: string | undefined,
  calendar: string | undefined,
): ((value: number) => string | undefined) | undefined {
  if (!/^(standard|gregorian|proleptic_gregorian)$/i.test(calendar ?? "standard")) return undefined;
  const match =
    /^(day|hour|minute|second)s?\s+since\s+(\d{1,4}-\d{1,2}-\d{1,2})(?:[T ](\d{1,2}:\d{2}(?::\d{2})?))?/i.exec(
      units?.trim() ?? "",
    );
  if (match === null) return undefined;
  const [year, month, day] = match[2]!.split("-").map(Number) as [number, number, number];
  const [hour = 0, minute = 0, second = 0] = (match[3] ?? "0:0:0").split(":").map(Number);
  const origin = Date.UTC(year, month - 1, day, hour, minute, second);
  const unitMs = 1_000 * secondsOf[match[1]!.toLowerCase()]!;
  return (value) => {
    const time = new Date(origin + value * unitMs);
    if (Number.isNaN(time.getTime())) return undefined;
    const text = time.toISOString();
    return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : text.replace(".000Z", "Z");
  };
}
