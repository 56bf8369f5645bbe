import { type Canvas, type Color, fillRect } from "./canvas.js";

/** Five columns by seven rows a character, one string per row, `#` is ink. Only what the pictures print. */
const glyphs: Readonly<Record<string, readonly string[]>> = {
  "0": [".###.", "#...#", "#..##", "#.#.#", "##..#", "#...#", ".###."],
  "1": ["..#..", ".##..", "..#..", "..#..", "..#..", "..#..", ".###."],
  "2": [".###.", "#...#", "....#", "...#.", "..#..", ".#...", "#####"],
  "3": ["#####", "...#.", "..#..", "...#.", "....#", "#...#", ".###."],
  "4": ["...#.", "..##.", ".#.#.", "#..#.", "#####", "...#.", "...#."],
  "5": ["#####", "#....", "####.", "....#", "....#", "#...#", ".###."],
  "6": ["..##.", ".#...", "#....", "####.", "#...#", "#...#", ".###."],
  "7": ["#####", "....#", "...#.", "..#..", ".#...", ".#...", ".#..."],
  "8": [".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###."],
  "9": [".###.", "#...#", "#...#", ".####", "....#", "...#.", ".##.."],
  ".": [".....", ".....", ".....", ".....", ".....", ".##..", ".##.."],
  k: ["#....", "#....", "#..#.", "#.#..", "##...", "#.#..", "#..#."],
  m: [".....", ".....", "##.#.", "#.#.#", "#.#.#", "#...#", "#...#"],
  " ": [".....", ".....", ".....", ".....", ".....", ".....", "....."],
};

const ADVANCE = 6;

/** Width of a text in pixels at a scale of `size` pixels per dot. */
export function textWidth(text: string, size: number): number {
  return Math.max(0, text.length * ADVANCE - 1) * size;
}

/** Prints digits, a point, `k`, `m` and spaces; other characters leave a gap. */
export function drawText(
  canvas: Canvas,
  text: string,
  x: number,
  y: number,
  color: Color,
  size: number,
): void {
  [...text].forEach((character, index) => {
    glyphs[character]?.forEach((row, line) => {
      [...row].forEach((dot, column) => {
        if (dot !== "#") return;
        const left = x + (index * ADVANCE + column) * size;
        fillRect(canvas, { x: left, y: y + line * size, width: size, height: size }, color);
      });
    });
  });
}
