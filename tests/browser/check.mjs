// Opens pages in a real Chromium and prints, as JSON, what was seen: axe-core's violations, what
// is wider than the screen, what the keyboard reaches, and how long filtering takes.
// usage: node check.mjs JOBS.json, which holds {"chromium": PATH, "jobs": [{"page", "do"}]}
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENS = {
  wide: { width: 1200, height: 900, scheme: "light" },
  phone: { width: 360, height: 740, scheme: "light" },
  dark: { width: 1200, height: 900, scheme: "dark" },
  darkPhone: { width: 360, height: 740, scheme: "dark" },
};

const { chromium, jobs } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

async function opened(page, screen) {
  const tab = await browser.newPage();
  await tab.setViewport({ width: screen.width, height: screen.height });
  await tab.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: screen.scheme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  const problems = [];
  tab.on("pageerror", (error) => problems.push(String(error)));
  tab.on("console", (line) => line.type() === "error" && problems.push(line.text()));
  await tab.goto(page, { waitUntil: "load" });
  return [tab, problems];
}

// What is out of sight is not laid out, so axe would not see it: all is laid out for it.
const LAID_OUT = "* { content-visibility: visible !important }";

async function axe(page, name, within) {
  const [tab, problems] = await opened(page, SCREENS[name]);
  await tab.evaluate((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    document.adoptedStyleSheets = [sheet];
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  }, LAID_OUT);
  await tab.evaluate(AXE);
  const found = await tab.evaluate(async (within) => {
    const result = await window.axe.run(within || document, { resultTypes: ["violations"] });
    const wide = document.documentElement.scrollWidth - window.innerWidth;
    return {
      passes: result.passes.length,
      violations: result.violations.map((v) => ({
        id: v.id,
        nodes: v.nodes.length,
        first: v.nodes[0].target.join(" "),
        why: v.nodes[0].failureSummary,
      })),
      wider: Math.max(0, wide),
    };
  }, within);
  await tab.close();
  return { screen: name, ...found, problems };
}

// From the input to the painted result.
async function filter(page) {
  const [tab, problems] = await opened(page, SCREENS.wide);
  const times = await tab.evaluate(async () => {
    const form = document.getElementById("filters");
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    const said = document.getElementById("shown");
    const once = async (name, value) => {
      await new Promise((done) => setTimeout(done, 300));
      const changed = new Promise((done) => {
        const watch = new MutationObserver(() => (watch.disconnect(), done()));
        watch.observe(said, { childList: true, characterData: true, subtree: true });
      });
      const start = performance.now();
      form.elements[name].value = value;
      form.elements[name].dispatchEvent(new Event("input", { bubbles: true }));
      await changed;
      await painted();
      return { name, value, shown: said.textContent, ms: performance.now() - start };
    };
    const box = form.elements.mailbox.options[1].value;
    const steps = [
      ["text", "arrears"], ["text", "arrears zz"], ["text", ""], ["severity", "low"],
      ["severity", ""], ["mailbox", box], ["mailbox", ""],
    ];
    const times = [];
    for (let round = 0; round < 3; round += 1) {
      for (const [name, value] of steps) times.push(await once(name, value));
    }
    return times;
  });
  const last = await tab.evaluate(async () => {
    const article = document.querySelector("article:last-of-type");
    location.hash = article.id;
    await new Promise((done) => setTimeout(done, 500));
    const { top } = article.getBoundingClientRect();
    return top >= 0 && top < innerHeight && article.textContent.length > 200;
  });
  await tab.close();
  return { times, last, problems };
}

// What the keyboard reaches, in order, and whether it can be seen there.
async function keyboard(page) {
  const [tab, problems] = await opened(page, SCREENS.wide);
  const at = () =>
    tab.evaluate(() => {
      const now = document.activeElement;
      const style = getComputedStyle(now);
      const box = now.getBoundingClientRect();
      return {
        tag: now.tagName.toLowerCase(),
        text: now.textContent.trim().slice(0, 40),
        name: now.name || "",
        outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        inSight: box.width > 0 && box.right > 0 && box.bottom > 0 && box.top < innerHeight,
      };
    });
  const stops = [];
  for (let n = 0; n < 60; n += 1) {
    await tab.keyboard.press("Tab");
    const stop = await at();
    if (stop.tag === "body") break;
    stops.push(stop);
  }
  const severity = "#ranking-table thead th:nth-child(2)";
  const order = () => tab.$eval(severity, (th) => th.getAttribute("aria-sort"));
  await tab.focus(`${severity} button`);
  await tab.keyboard.press("Enter");
  const sorted = [await order()];
  await tab.keyboard.press("Space");
  sorted.push(await order());
  await tab.close();
  return { stops, sorted, problems };
}

// A picture from the top of one element to the bottom of another.
async function shot({ page, from, to, width, out }) {
  const [tab, problems] = await opened(page, { width, height: 900, scheme: "light" });
  const clip = await tab.evaluate((from, to) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { content-visibility: visible !important }");
    document.adoptedStyleSheets = [sheet];
    const top = Math.max(0, document.querySelector(from).getBoundingClientRect().top - 16);
    const bottom = document.querySelector(to).getBoundingClientRect().bottom + 16;
    return { x: 0, y: top + scrollY, width: innerWidth, height: bottom - top };
  }, from, to);
  await tab.screenshot({ path: out, clip, captureBeyondViewport: true });
  await tab.close();
  return { problems };
}

const DO = { shot, axe: (job) => axe(job.page, job.screen, job.within), filter: (job) => filter(job.page),
             keyboard: (job) => keyboard(job.page) };
const results = [];
for (const job of jobs) results.push({ ...job, ...(await DO[job.do](job)) });
await browser.close();
process.stdout.write(JSON.stringify(results));
