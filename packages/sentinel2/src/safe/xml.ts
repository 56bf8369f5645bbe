import { GlofError } from "@glof/core";
import { XMLParser, XMLValidator } from "fast-xml-parser";

/** An element: text, or attributes (`@name`), text (`#text`) and children by their local names. */
export type XmlElement = string | { readonly [name: string]: XmlElement | readonly XmlElement[] };

/** Metadata of a granule is below 1 MB; this bounds the work on what only pretends to be metadata. */
export const MAX_XML_BYTES = 16 * 2 ** 20;

/**
 * Parses a metadata file. Entities are not expanded, document types are refused, namespaces of names dropped.
 * @throws GlofError `corrupt-file` for what is not well-formed; `unsupported-feature` for a DTD; `limit-exceeded`
 */
export function parseXml(text: string, where: string): XmlElement {
  if (text.length > MAX_XML_BYTES) {
    throw new GlofError(
      "limit-exceeded",
      `${where}: expected metadata of at most ${MAX_XML_BYTES} characters, got ${text.length}. Check the file.`,
    );
  }
  if (/<!DOCTYPE/i.test(text)) {
    throw new GlofError(
      "unsupported-feature",
      `${where}: expected metadata without a document type, got a DOCTYPE. Take the product from its source.`,
    );
  }
  const found = XMLValidator.validate(text);
  if (found !== true) {
    const { msg, line } = found.err;
    throw corruptXml(where, `${msg.replace(/\.$/, "")} (line ${line})`);
  }
  try {
    return xmlParser().parse(text) as XmlElement;
  } catch (error) {
    throw corruptXml(where, error instanceof Error ? error.message : "something else");
  }
}

const corruptXml = (where: string, got: string): GlofError =>
  new GlofError(
    "corrupt-file",
    `${where}: expected well-formed XML, got what is not: ${got}. Download it again.`,
  );

const xmlParser = (): XMLParser =>
  new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    removeNSPrefix: true,
    parseTagValue: false,
    parseAttributeValue: false,
    processEntities: false,
    ignoreDeclaration: true,
    ignorePiTags: true,
    maxNestedTags: 64,
  });

/** All elements of a name at any depth, in document order. The search does not go on inside a found one. */
export function findAll(element: XmlElement, name: string): XmlElement[] {
  if (typeof element === "string") return [];
  return Object.entries(element).flatMap(([key, value]): XmlElement[] => {
    if (key.startsWith("@") || key === "#text") return [];
    const items = Array.isArray(value) ? (value as readonly XmlElement[]) : [value as XmlElement];
    return key === name ? [...items] : items.flatMap((item) => findAll(item, name));
  });
}

/** The first element of one of these names, tried in order. */
export function findFirst(element: XmlElement, ...names: readonly string[]): XmlElement | undefined {
  for (const name of names) {
    const [first] = findAll(element, name);
    if (first !== undefined) return first;
  }
  return undefined;
}

/** Text of an element, `undefined` when empty or absent. */
export function textOf(element: XmlElement | undefined): string | undefined {
  const text = typeof element === "object" ? element["#text"] : element;
  return typeof text === "string" && text.trim() !== "" ? text.trim() : undefined;
}

/** Number of an element; `undefined` when absent, NaN when it is no number. */
export function numberOf(element: XmlElement | undefined): number | undefined {
  const text = textOf(element);
  return text === undefined ? undefined : Number(text);
}

/** An attribute of an element. */
export function attributeOf(element: XmlElement, name: string): string | undefined {
  const value = typeof element === "object" ? element[`@${name}`] : undefined;
  return typeof value === "string" ? value : undefined;
}
