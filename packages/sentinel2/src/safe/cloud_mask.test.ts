import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openScene } from "../open_scene.js";
import { INVALID_REASONS } from "../validity/reasons.js";
import { parseCloudGml } from "./cloud_mask.js";
import { type TestSafe, writeTestSafe } from "./test_safe.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glof-clouds-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A tile of 24 x 24 pixels of 10 m, so 4 x 4 of 60 m, its upper left corner at 500000, 3100000. */
const l1c = (more: Partial<TestSafe>): TestSafe => ({
  ...{ level: "L1C", side: 24, baseline: "04.00" },
  ...more,
  images: { B02: { bands: [new Uint16Array(576).fill(1500)] }, ...more.images },
});
const window = { x: 0, y: 0, width: 24, height: 24 };

const outline = (kind: string, id: number, rings: readonly string[]): string =>
  `<eop:MaskFeature gml:id="${kind}.${id}"><eop:maskType codeSpace="urn:gs2:S2PDGS:maskType">${kind}</eop:maskType>
    <eop:extentOf><gml:Polygon gml:id="${kind}.${id}_Polygon">${rings
      .map((list, index) => {
        const side = index === 0 ? "exterior" : "interior";
        return `<gml:${side}><gml:LinearRing><gml:posList srsDimension="2">${list}</gml:posList></gml:LinearRing></gml:${side}>`;
      })
      .join("")}</gml:Polygon></eop:extentOf></eop:MaskFeature>`;
const gml = (features: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" gml:id="S2A_OPER_MSK_CLOUDS">
  <gml:name>MSK_CLOUDS</gml:name>${features === "" ? "" : `<eop:maskMembers>${features}</eop:maskMembers>`}</eop:Mask>`;
/** A rectangle of pixels of 60 m. */
const box = (col: number, row: number, cols: number, rows: number): string => {
  const [x0, y0] = [500_000 + 60 * col, 3_100_000 - 60 * row];
  const [x1, y1] = [x0 + 60 * cols, y0 - 60 * rows];
  return `${x0} ${y0} ${x1} ${y0} ${x1} ${y1} ${x0} ${y1} ${x0} ${y0}`;
};

/** The class of each pixel of 60 m. */
const every6th = (classes: Uint8Array): number[] =>
  Array.from(
    { length: 16 },
    (_, index) => classes[(6 * Math.floor(index / 4) + 3) * 24 + 6 * (index % 4) + 3]!,
  );

describe("Level-1C cloud masks", () => {
  it("of baseline 04.00 on are classes: opaque before cirrus before snow", async () => {
    const opaque = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    const cirrus = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    const snow = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const masks = [opaque, cirrus, snow].map((band) => Uint8Array.from(band));
    const texts = { "QI_DATA/MSK_CLOUDS_B00.gml": gml(outline("OPAQUE", 0, [box(0, 0, 4, 4)])) };
    const path = await writeTestSafe(
      folder,
      l1c({ texts, images: { "QI/MSK_CLASSI_B00": { bands: masks, type: "uint8" } } }),
    );
    const scene = await openScene(path);
    const classes = await scene.classification!.readWindow(window);
    const expected = [9, 10, 11, 7, 9, 7, 7, 7, 7, 7, 7, 7, 7, 7, 10, 9];
    expect(every6th(classes)).toEqual(expected);
    expect([...(await scene.classification!.readWindow(window, { outputSize: [4, 4] }))]).toEqual(expected);
    const { validMask, invalidReasons } = await scene.readReflectance(window, ["B02"], { reasons: true });
    expect(every6th(validMask)).toEqual([0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    expect([invalidReasons![0], invalidReasons![6]]).toEqual([INVALID_REASONS.cloud, INVALID_REASONS.cirrus]);
    expect(scene.inputs.map(({ role }) => role)).toEqual(["metadata", "metadata", "B02", "classification"]);
    await scene.close();
    const numbers = await openScene(path, { validity: false });
    expect(new Set((await numbers.readReflectance(window, ["B02"])).validMask)).toEqual(new Set([1]));
    await numbers.close();
  });

  it.each(["MSK_CLOUDS_B00.gml", "S2A_OPER_MSK_CLOUDS_EPAE_20160824T160132_A006118_T45RVL_B00_MSIL1C.gml"])(
    "before that are outlines: %s",
    async (name) => {
      const features = [
        outline("CIRRUS", 0, [box(0, 0, 4, 1)]),
        outline("OPAQUE", 0, [box(0, 0, 2, 3), box(1, 1, 1, 1)]),
        outline("OPAQUE", 1, [box(3, 3, 1, 1)]),
        outline("SOMETHING", 0, [box(2, 2, 1, 1)]),
      ];
      const texts = { [`QI_DATA/${name}`]: gml(features.join("")) };
      const scene = await openScene(await writeTestSafe(folder, l1c({ texts, baseline: "02.09" })));
      expect(every6th(await scene.classification!.readWindow(window))).toEqual([
        ...[9, 9, 10, 10],
        ...[9, 7, 7, 7],
        ...[9, 9, 7, 7],
        ...[7, 7, 7, 9],
      ]);
      const part = { x: 12, y: 0, width: 12, height: 6 };
      expect(new Set(await scene.classification!.readWindow(part))).toEqual(new Set([10]));
      expect((await scene.readReflectance(part, ["B02"])).validMask.every((valid) => valid === 0)).toBe(true);
      expect(scene.inputs.at(-1)).toMatchObject({
        role: "classification",
        path: expect.stringContaining(name),
      });
      await scene.close();
    },
  );

  it("without outlines are clear, and without a mask there are no classes", async () => {
    const clear = await openScene(
      await writeTestSafe(folder, l1c({ texts: { "QI_DATA/MSK_CLOUDS_B00.gml": gml("") } })),
    );
    expect(new Set(await clear.classification!.readWindow(window))).toEqual(new Set([7]));
    await clear.close();
    const none = await openScene(await writeTestSafe(join(folder, "none"), l1c({})));
    expect(none.classification).toBeUndefined();
    await none.close();
  });

  it("are refused when broken", async () => {
    expect(() => parseCloudGml(gml(outline("OPAQUE", 0, ["1 2 3"])), "test")).toThrow(
      expect.objectContaining({ code: "corrupt-file" }),
    );
    expect(() => parseCloudGml("<eop:Mask>", "test")).toThrow(
      expect.objectContaining({ code: "corrupt-file" }),
    );
    const images = { "QI/MSK_CLASSI_B00": { bands: [new Uint8Array(16)], type: "uint8" as const } };
    await expect(openScene(await writeTestSafe(folder, l1c({ images })))).rejects.toMatchObject({
      code: "unsupported-feature",
    });
  });
});
