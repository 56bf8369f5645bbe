/**
 * WGSL that does the same for each index below `count`: written out line by line, or as a loop.
 *
 * Written out, arrays that are only indexed by literals live in registers on every driver. As a loop it compiles many
 * times faster, which matters where shaders are compiled for a processor (SwiftShader).
 */
export function repeat(
  count: number,
  index: string,
  unroll: boolean,
  code: (index: string) => string,
): string {
  if (unroll) return Array.from({ length: count }, (_, at) => code(`${at}u`)).join("\n");
  return `for (var ${index} = 0u; ${index} < ${count}u; ${index}++) { ${code(index)} }`;
}
