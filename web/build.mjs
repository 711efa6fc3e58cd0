// Bundles the page's scripts, styles, fonts and mark into one folder, named by content, with compressed copies beside them
// and manifest.json, which says what is called how. Run by build_assets.py: node build.mjs COMPONENTS OUT DIGEST
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const [components, out, digest] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "src");
mkdirSync(out, { recursive: true });

// A component's style is the one top-level <style> block of its file.
const styles = readdirSync(components).filter((name) => name.endsWith(".html")).sort().map((name) => {
  const blocks = [...readFileSync(join(components, name), "utf8").matchAll(/^<style>\n(.*?)^<\/style>/gms)];
  if (blocks.length !== 1) throw new Error(`${name} has ${blocks.length} <style> blocks, and should have one`);
  return `/* ${name} */\n${blocks[0][1]}`;
});
const sheet = ["tokens.css", "fonts.css", "base.css"].map((name) => `@import "./${name}";`).join("\n") + "\n" + styles.join("\n");

const shared = {
  absWorkingDir: here, outdir: out, bundle: true, minify: true, metafile: true, target: ["es2023", "chrome123", "firefox128", "safari17.5"],
  entryNames: "[name]-[hash]", chunkNames: "[name]-[hash]", assetNames: "[name]-[hash]", legalComments: "none", preserveSymlinks: true, logLevel: "warning",
};
const built = await Promise.all([
  build({ ...shared, entryPoints: ["src/app.ts"], format: "esm", splitting: true }),
  build({ ...shared, stdin: { contents: sheet, resolveDir: sources, loader: "css", sourcefile: "app.css" }, loader: { ".woff2": "file" }, entryNames: "app-[hash]" }),
]);

const names = {};
const plain = (file) => basename(file).replace(/-[A-Z0-9]{8}(?=\.)/, "").replace("-wght-normal", "");
for (const file of built.flatMap((result) => Object.keys(result.metafile.outputs)).map((path) => basename(path)).sort()) {
  names[plain(file) in names ? file : plain(file)] = file;
}

const own = (name, content) => {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  names[name] = name.replace(".", `-${hash}.`);
  writeFileSync(join(out, names[name]), content);
};
own("mark.svg", readFileSync(join(sources, "mark.svg")));

// Whose work is inside, with the licences that ask to go along.
const packages = new Set(built.flatMap((result) => Object.keys(result.metafile.inputs))
  .map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean));
own("licences.txt", [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const texts = ["LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE"].map((file) => join(folder, file)).filter(existsSync);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return [`${name} ${version} (${license})`, ...texts.map((file) => readFileSync(file, "utf8").trim())].join("\n\n");
}).join(`\n\n${"-".repeat(80)}\n\n`) + "\n");

for (const file of Object.values(names).filter((name) => /\.(js|css|svg|txt)$/.test(name))) {
  const content = readFileSync(join(out, file));
  writeFileSync(join(out, `${file}.br`), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
  writeFileSync(join(out, `${file}.gz`), gzipSync(content, { level: 9 }));
}
const entry = Object.values(built[0].metafile.outputs).find((output) => output.entryPoint === "src/app.ts");
const first = [names["app.js"], ...entry.imports.filter((one) => one.kind === "import-statement").map((one) => basename(one.path))];
writeFileSync(join(out, "manifest.json"), JSON.stringify({ digest, first, files: names }, null, 1) + "\n");
