// Reads the site as somebody would: `node site.mjs FOLDER BROWSER`.
// Every page loads without an error, every link and picture leads somewhere, search finds a claim.
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const [folder, browserPath] = process.argv.slice(2);
const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
  ".json": "application/json", ".woff2": "font/woff2", ".png": "image/png",
};

const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://site").pathname));
  try {
    const file = join(folder, path.endsWith("/") ? path + "index.html" : path);
    const body = readFileSync(file);
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404);
    response.end();
  }
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const site = `http://127.0.0.1:${server.address().port}/`;

const problems = [];
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext();
// The site works without the network.
await context.route((url) => !url.href.startsWith(site), (route) => route.abort());
const page = await context.newPage();
page.on("console", (message) => message.type() === "error" && problems.push(`${page.url()}: ${message.text()}`));
page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.message}`));
page.on("response", (answer) => answer.status() >= 400 && problems.push(`${page.url()}: ${answer.status()} ${answer.url()}`));

// Every page that the front page leads to; one that redirects counts as the page that it leads to.
const waiting = [site];
const seen = new Map();
while (waiting.length > 0) {
  const url = waiting.pop();
  if (seen.has(url)) continue;
  const reached = await page.goto(url, { waitUntil: "networkidle" }).catch((error) => problems.push(`${url}: ${error.message}`));
  if (typeof reached === "number") continue;
  const found = await page.evaluate(() => ({
    title: document.title,
    ids: [...document.querySelectorAll("[id]")].map((e) => e.id),
    links: [...document.querySelectorAll("main a[href], nav a[href]")].map((a) => a.href),
    broken: [...document.querySelectorAll("main img")]
      .filter((image) => !image.complete || image.naturalWidth === 0).map((image) => image.src),
    pictures: document.querySelectorAll("main img").length,
  }));
  seen.set(url, found);
  found.broken.forEach((picture) => problems.push(`${url}: no picture ${picture}`));
  for (const link of found.links.filter((link) => link.startsWith(site))) {
    const target = link.split("#")[0];
    if (target.endsWith(".html") || target.endsWith("/")) waiting.push(target);
  }
}
for (const [url, { links }] of seen) {
  for (const link of links.filter((link) => link.startsWith(site))) {
    const [target, anchor] = link.split("#");
    if (!seen.has(target)) problems.push(`${url}: ${link} leads nowhere`);
    else if (anchor && !seen.get(target).ids.includes(decodeURIComponent(anchor))) problems.push(`${url}: no place ${link}`);
  }
}
const papers = readdirSync(folder).filter((name) => name.endsWith(".html"));
if (seen.size < 5) problems.push(`the front page leads to ${seen.size} pages only, of ${papers.length}`);
const pictures = [...seen.values()].reduce((sum, { pictures }) => sum + pictures, 0);
if (pictures === 0) problems.push("there is no picture");

// Search for a claim by a word of its id, and follow the result.
const claim = process.env.CLAIM ?? "bounded-ratio-rl.5";
await page.goto(site);
await page.keyboard.press("s");
await page.locator("#mdbook-searchbar").pressSequentially(claim);
const result = page.locator("#mdbook-searchresults a").first();
await result.waitFor({ timeout: 10_000 }).catch(() => problems.push(`search does not find ${claim}`));
if (await result.count()) {
  await result.click();
  await page.waitForLoadState("load");
  const body = await page.locator("main").innerText();
  if (!body.includes(claim)) problems.push(`search leads to ${page.url()}, where ${claim} is not`);
}
if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });

await browser.close();
server.close();
problems.forEach((problem) => console.error(problem));
console.log(`${seen.size} pages, ${pictures} pictures, ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
