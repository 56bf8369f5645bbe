import { expect, it } from "vitest";
import { blankCanvas, fillRect } from "./canvas.js";
import { enlargeCanvas } from "./enlarge.js";

it("turns each pixel into a square", () => {
  const small = blankCanvas(2, 1);
  fillRect(small, { x: 1, y: 0, width: 1, height: 1 }, [9, 8, 7]);
  const large = enlargeCanvas(small, 3);
  expect([large.width, large.height]).toEqual([6, 3]);
  const redAt = (x: number, y: number) => large.rgba[4 * (y * 6 + x)];
  expect([redAt(2, 0), redAt(3, 0), redAt(2, 2), redAt(5, 2)]).toEqual([0, 9, 0, 9]);
  expect(enlargeCanvas(small, 1).rgba).toEqual(small.rgba);
});
