/**
 * An ONNX model of one product of square matrices, y = a b. Fields and numbers: onnx.proto3 of the ONNX project
 * (ModelProto, GraphProto, NodeProto, ValueInfoProto).
 */
export function gemmGraph(size: number): Uint8Array {
  const node = [...text(1, "a"), ...text(1, "b"), ...text(2, "y"), ...text(4, "MatMul")];
  const graph = [
    ...message(1, node),
    ...text(2, "product"),
    ...message(11, matrix("a", size)),
    ...message(11, matrix("b", size)),
    ...message(12, matrix("y", size)),
  ];
  return new Uint8Array([...number(1, 8), ...message(7, graph), ...message(8, number(2, 17))]);
}

/** ValueInfoProto of a float matrix. */
function matrix(name: string, size: number): number[] {
  const side = message(1, number(1, size));
  const tensor = [...number(1, 1), ...message(2, [...side, ...side])];
  return [...text(1, name), ...message(2, message(1, tensor))];
}

const number = (field: number, value: number): number[] => [field << 3, ...varint(value)];
const message = (field: number, body: readonly number[]): number[] => [
  (field << 3) | 2,
  ...varint(body.length),
  ...body,
];
const text = (field: number, value: string): number[] => message(field, [...new TextEncoder().encode(value)]);

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
