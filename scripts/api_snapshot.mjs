// Writes etc/<package>.api.md: every public name with its declaration, comments and bodies left out. A change of the public
// API shows in the diff of these files. `--check` fails where a file is not what the sources say.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { publicPackages } from "./public_packages.mjs";
import { root } from "./workspace.mjs";

const check = process.argv.includes("--check");
const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
const packages = publicPackages();
const program = ts.createProgram(
  packages.flatMap(({ entries }) => entries.map(({ source }) => source)),
  options,
);
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true, omitTrailingSemicolon: true });

const outdated = [];
mkdirSync(join(root, "etc"), { recursive: true });
for (const { name, entries } of packages) {
  const path = join(root, "etc", `${name.replace("@glof/", "")}.api.md`);
  const text = `# ${name}\n${entries.map(describeEntry).join("")}`;
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (check) outdated.push(path);
  else writeFileSync(path, text);
}
for (const path of outdated)
  console.error(`${path}: the public API changed. Review it, then run: node scripts/api_snapshot.mjs`);
if (outdated.length === 0) console.log(`api: ${packages.length} packages match their snapshot`);
process.exitCode = outdated.length === 0 ? 0 : 1;

function describeEntry({ subpath, source }) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(source));
  const symbols = (module ? checker.getExportsOfModule(module) : []).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  return `\n## ${subpath}\n\n\`\`\`ts\n${symbols.map(describeSymbol).join("\n")}\n\`\`\`\n`;
}

function describeSymbol(alias) {
  const symbol = alias.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(alias) : alias;
  return (symbol.declarations ?? []).map((node) => describeDeclaration(alias.name, symbol, node)).join("\n");
}

function describeDeclaration(name, symbol, node) {
  if (ts.isFunctionDeclaration(node)) {
    const signature = checker.getSignatureFromDeclaration(node);
    return `function ${name}${checker.signatureToString(signature, node, ts.TypeFormatFlags.NoTruncation)}`;
  }
  if (ts.isVariableDeclaration(node)) {
    const type = checker.getTypeOfSymbolAtLocation(symbol, node);
    return `const ${name}: ${checker.typeToString(type, node, ts.TypeFormatFlags.NoTruncation)}`;
  }
  if (ts.isClassDeclaration(node)) return describeClass(name, node);
  return printer
    .printNode(ts.EmitHint.Unspecified, node, node.getSourceFile())
    .replace(/^export (declare )?/, "");
}

function describeClass(name, node) {
  const isPublic = (member) =>
    !(member.name && ts.isPrivateIdentifier(member.name)) &&
    !(ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected));
  const lines = node.members.filter(isPublic).map((member) => {
    if (!ts.isConstructorDeclaration(member) && !ts.isMethodDeclaration(member)) {
      return printer.printNode(ts.EmitHint.Unspecified, member, node.getSourceFile());
    }
    const signature = checker.signatureToString(
      checker.getSignatureFromDeclaration(member),
      member,
      ts.TypeFormatFlags.NoTruncation,
    );
    const isStatic = ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static ? "static " : "";
    return `${isStatic}${ts.isConstructorDeclaration(member) ? "constructor" : member.name.getText()}${signature}`;
  });
  return `class ${name} {\n${lines.map((line) => `    ${line}`).join("\n")}\n}`;
}
