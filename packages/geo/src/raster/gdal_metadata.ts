/** One `<Item>` of GDAL's metadata document (TIFF tag 42112). */
export interface MetadataItem {
  readonly name: string;
  readonly value: string;
  /** Band, 0-based; absent for items of the whole file. */
  readonly sample?: number;
  /** `description`, `scale`, `offset`, `unittype`, … */
  readonly role?: string;
}

const entities: readonly (readonly [string, string])[] = [
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
];

/** The document for these items, as GDAL writes it. */
export function formatGdalMetadata(items: readonly MetadataItem[]): string {
  const lines = items.map(({ name, value, sample, role }) => {
    const attributes = [`name="${escapeXml(name)}"`];
    if (sample !== undefined) attributes.push(`sample="${sample}"`);
    if (role !== undefined) attributes.push(`role="${escapeXml(role)}"`);
    return `  <Item ${attributes.join(" ")}>${escapeXml(value)}</Item>\n`;
  });
  return `<GDALMetadata>\n${lines.join("")}</GDALMetadata>\n`;
}

/** The items of a document. What is not an item is passed over: the tag is advice, not structure. */
export function parseGdalMetadata(xml: string): MetadataItem[] {
  const items: MetadataItem[] = [];
  for (let at = xml.indexOf("<Item"); at !== -1; at = xml.indexOf("<Item", at + 5)) {
    const bodyStart = xml.indexOf(">", at);
    const bodyEnd = xml.indexOf("</Item>", bodyStart);
    if (bodyStart === -1 || bodyEnd === -1) break;
    const head = xml.slice(at, bodyStart);
    const name = attribute(head, "name");
    const sample = attribute(head, "sample");
    const role = attribute(head, "role");
    if (name === undefined) continue;
    items.push({
      name,
      value: unescapeXml(xml.slice(bodyStart + 1, bodyEnd)),
      ...(sample !== undefined && { sample: Number(sample) }),
      ...(role !== undefined && { role }),
    });
  }
  return items;
}

/** XML 1.0 text with the five special characters written as entities. */
export function escapeXml(text: string): string {
  return entities.reduce((escaped, [plain, entity]) => escaped.replaceAll(plain, entity), text);
}

function unescapeXml(text: string): string {
  return [...entities]
    .reverse()
    .reduce((plain, [character, entity]) => plain.replaceAll(entity, character), text);
}

function attribute(head: string, name: string): string | undefined {
  const start = head.indexOf(` ${name}="`);
  if (start === -1) return undefined;
  const from = start + name.length + 3;
  const end = head.indexOf('"', from);
  return end === -1 ? undefined : unescapeXml(head.slice(from, end));
}
