import { describe, expect, it } from "vitest";
import { requireLinkAllowed } from "./http_policy.js";
import { isPrivateHost } from "./private_hosts.js";

const hostOf = (text: string): string => new URL(`http://${text}/`).hostname;

describe("isPrivateHost", () => {
  it.each([
    "localhost",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "localhost.",
    "127.0.0.1",
    "127.9.9.9",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fd00::1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[ff02::1]",
  ])("%s is private", (text) => expect(isPrivateHost(hostOf(text))).toBe(true));

  it.each([
    "earth-search.aws.element84.com",
    "localhost.example.com",
    "8.8.8.8",
    "172.32.0.1",
    "172.15.0.1",
    "100.128.0.1",
    "192.169.0.1",
    "[2606:4700::1111]",
    "[::ffff:8.8.8.8]",
    "[2002:808:808::]",
  ])("%s is public", (text) => expect(isPrivateHost(hostOf(text))).toBe(false));
});

describe("requireLinkAllowed", () => {
  const check = (link: string, from: string, allowPrivateHosts = false) =>
    requireLinkAllowed(link, new URL(from), { allowPrivateHosts }, "test").then(({ href }) => href);

  it("lets links lead to public hosts, to the same host and from this machine to itself", async () => {
    expect(await check("b.tif", "https://8.8.8.8/a/item.json")).toBe("https://8.8.8.8/a/b.tif");
    expect(await check("https://1.1.1.1/b", "http://127.0.0.1/")).toBe("https://1.1.1.1/b");
    expect(await check("http://127.0.0.1:81/b", "http://localhost:80/")).toBe("http://127.0.0.1:81/b");
    expect(await check("http://10.0.0.1:81/b", "http://10.0.0.1/a")).toBe("http://10.0.0.1:81/b");
    expect(await check("http://10.0.0.1/b", "https://8.8.8.8/", true)).toBe("http://10.0.0.1/b");
  });

  it.each([
    ["http://127.0.0.1/b", "https://8.8.8.8/"],
    ["http://[::1]/b", "https://8.8.8.8/"],
    ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1/"],
    ["http://10.0.0.1/", "http://10.0.0.2/"],
    ["file:///etc/passwd", "http://127.0.0.1/"],
    ["ftp://8.8.8.8/x", "https://8.8.8.8/"],
    ["data:text/plain,x", "https://8.8.8.8/"],
    ["http://", "https://8.8.8.8/"],
  ])("refuses %s from %s", async (link, from) => {
    await expect(check(link, from)).rejects.toMatchObject({ code: "bad-argument" });
  });
});
