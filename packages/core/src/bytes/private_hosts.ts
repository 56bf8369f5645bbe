/** Ranges that no public server has. Source: IANA special-purpose address registries, RFC 6890. */
const privateV4: readonly (readonly [base: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/** Names that lead into this machine or its network. Source: RFC 6761, 6762, 8375, and `.internal` of ICANN. */
const privateNames = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa|localdomain)$/;

/**
 * Whether a host is this machine, its own network or no unicast address at all.
 *
 * @param host `URL.hostname`: numbers are already in their normal form, IPv6 stands in brackets or not
 */
export function isPrivateHost(host: string): boolean {
  const plain = host.replace(/^\[|\]$|\.$/g, "").toLowerCase();
  if (/^\d+\.\d+\.\d+\.\d+$/.test(plain)) return isPrivateV4(v4Number(plain));
  if (plain.includes(":")) return isPrivateV6(plain);
  return privateNames.test(plain);
}

/** Whether a host is this machine. */
export function isLoopbackHost(host: string): boolean {
  const plain = host.replace(/^\[|\]$|\.$/g, "").toLowerCase();
  return /^127\.\d+\.\d+\.\d+$/.test(plain) || plain === "::1" || /(^|\.)localhost$/.test(plain);
}

const v4Number = (text: string): number =>
  text.split(".").reduce((value, part) => value * 256 + Number(part), 0);

function isPrivateV4(address: number): boolean {
  return privateV4.some(([base, bits]) => {
    const span = 2 ** (32 - bits);
    return Math.floor(address / span) === Math.floor(v4Number(base) / span);
  });
}

function isPrivateV6(text: string): boolean {
  const groups = v6Groups(text.replace(/%.*$/, ""));
  if (!groups) return true;
  const [g0, g1] = groups as [number, number];
  const tailV4 = groups[6]! * 65_536 + groups[7]!;
  const zeros = (count: number): boolean => groups.slice(0, count).every((group) => group === 0);
  // Unspecified, loopback and IPv4-compatible; then IPv4-mapped, NAT64 and 6to4, which carry an IPv4 address.
  if (zeros(6)) return tailV4 <= 1 || isPrivateV4(tailV4);
  if (zeros(5) && groups[5] === 0xffff) return isPrivateV4(tailV4);
  if (g0 === 0x64 && g1 === 0xff9b) return isPrivateV4(tailV4);
  if (g0 === 0x2002) return isPrivateV4(g1 * 65_536 + groups[2]!);
  const isLocal = (g0 & 0xfe00) === 0xfc00 || (g0 & 0xffc0) === 0xfe80 || (g0 & 0xffc0) === 0xfec0;
  const isDocumentation = g0 === 0x2001 && g1 === 0xdb8;
  return isLocal || isDocumentation || (g0 & 0xff00) === 0xff00;
}

/** The eight numbers of an IPv6 address, or undefined when it is none. */
function v6Groups(text: string): number[] | undefined {
  const mixed = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = mixed ? v4Number(mixed[2]!) : 0;
  const hex = mixed ? `${mixed[1]}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}` : text;
  const halves = hex.split("::");
  if (halves.length > 2) return undefined;
  const [left = [], right = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const gap = 8 - left.length - right.length;
  if (halves.length === 1 ? gap !== 0 : gap < 1) return undefined;
  const groups = [...left, ...Array<string>(gap).fill("0"), ...right];
  if (!groups.every((group) => /^[\da-f]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16));
}
