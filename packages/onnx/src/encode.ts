import type { OnnxAttribute, OnnxDtype, OnnxModel, OnnxNode, OnnxStored, OnnxValue } from "./types.js";
import { WireMessage } from "./wire.js";

/** Field numbers and constants are those of onnx/onnx.proto3. */
const dtypeNumbers: Readonly<Record<OnnxDtype, number>> = { float32: 1, int64: 7 };
const itemBytes: Readonly<Record<OnnxDtype, number>> = { float32: 4, int64: 8 };
const externalLocation = 1;

/** Where the numbers of a tensor lie outside the model's file. */
export interface ExternalPlace {
  /** Name of the file, beside the model's. */
  readonly file: string;
  readonly offset: number;
}

/** Bytes that the numbers of a stored tensor take. */
export function storedBytes({ shape, dtype }: OnnxStored): number {
  return shape.reduce((product, size) => product * size, itemBytes[dtype]);
}

/** All of a stored tensor but its numbers, which follow it where they are not elsewhere. */
export function encodeStoredHead(stored: OnnxStored, external: ExternalPlace | undefined): WireMessage {
  const head = new WireMessage();
  for (const size of stored.shape) head.int(1, size);
  head.int(2, dtypeNumbers[stored.dtype]).text(8, stored.name);
  const byteLength = storedBytes(stored);
  if (external === undefined) return head.open(9, byteLength);
  const facts = { location: external.file, offset: String(external.offset), length: String(byteLength) };
  for (const [key, value] of Object.entries(facts)) head.message(13, textPair(key, value));
  return head.int(14, externalLocation);
}

/** The graph without its stored tensors. */
export function encodeGraphRest(model: OnnxModel): WireMessage {
  const graph = new WireMessage();
  for (const node of model.nodes) graph.message(1, encodeNode(node));
  graph.text(2, model.name);
  for (const input of model.inputs) graph.message(11, encodeValue(input));
  for (const output of model.outputs) graph.message(12, encodeValue(output));
  return graph;
}

/** What stands before the graph in the file: version of the format, operations used, free text. */
export function encodeModelHead(model: OnnxModel): WireMessage {
  const head = new WireMessage().int(1, irVersion(model.opset)).text(2, "glof");
  const domains = new Set(model.nodes.map(({ domain }) => domain).filter((domain) => domain !== ""));
  head.message(8, new WireMessage().text(1, "").int(2, model.opset));
  for (const domain of domains) head.message(8, new WireMessage().text(1, domain).int(2, 1));
  for (const [key, value] of Object.entries(model.metadata)) head.message(14, textPair(key, value));
  return head;
}

/** The oldest format that may hold a set of operations, so that old programs can read as much as they can. */
function irVersion(opset: number): number {
  if (opset <= 18) return 8;
  return opset <= 20 ? 9 : 10;
}

function encodeNode(node: OnnxNode): WireMessage {
  const message = new WireMessage();
  for (const input of node.inputs) message.text(1, input);
  for (const output of node.outputs) message.text(2, output);
  message.text(3, node.name).text(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes))
    message.message(5, encodeAttribute(name, attribute));
  return node.domain === "" ? message : message.text(7, node.domain);
}

function encodeAttribute(name: string, attribute: OnnxAttribute): WireMessage {
  const message = new WireMessage().text(1, name);
  if ("float" in attribute) return message.float(2, attribute.float).int(20, 1);
  if ("int" in attribute) return message.int(3, attribute.int).int(20, 2);
  if ("string" in attribute) return message.text(4, attribute.string).int(20, 3);
  for (const value of attribute.ints) message.int(8, value);
  return message.int(20, 7);
}

function encodeValue({ name, dtype, shape }: OnnxValue): WireMessage {
  const sizes = new WireMessage();
  for (const size of shape) {
    const dim = new WireMessage();
    sizes.message(1, typeof size === "number" ? dim.int(1, size) : dim.text(2, size));
  }
  const tensor = new WireMessage().int(1, dtypeNumbers[dtype]).message(2, sizes);
  return new WireMessage().text(1, name).message(2, new WireMessage().message(1, tensor));
}

const textPair = (key: string, value: string): WireMessage => new WireMessage().text(1, key).text(2, value);
