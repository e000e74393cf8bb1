// A headless Chromium: found, or installed where it is not and may be (a new CI machine), and driven.

import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

import puppeteer, { type Browser, type Page } from "puppeteer-core";

const run = promisify(execFile);
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The environment variable CHROMIUM names another. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = await chromium();
  return puppeteer.launch({
    executablePath,
    // Root, and machines without a large /dev/shm, are what CI has.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"],
  });
}

async function chromium(): Promise<string> {
  const named = process.env["CHROMIUM"];
  if (named) return named;
  const found = PLACES.find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || !hasApt()) {
    throw new Error(
      "no Chromium: install one (Debian: apt-get install chromium), or name it with CHROMIUM=path",
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], { env });
  const packages = ["chromium", "fonts-dejavu-core"];
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
  return PLACES[0] as string;
}

function hasApt(): boolean {
  try {
    execFileSync("apt-get", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What a page did beside showing something. */
export interface Watched {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, and requests that failed. */
  readonly complaints: string[];
  /** URLs of all requests. */
  readonly requests: string[];
}

export async function openPage(
  browser: Browser,
  { width, scheme, scale = 1 }: { width: number; scheme: "light" | "dark"; scale?: number },
): Promise<Watched> {
  const page = await browser.newPage();
  const watched: Watched = { page, complaints: [], requests: [] };
  page.on("console", (message) => {
    if (["error", "warn", "assert"].includes(message.type())) watched.complaints.push(message.text());
  });
  page.on("pageerror", (error) => watched.complaints.push(String(error)));
  page.on("request", (request) => watched.requests.push(request.url()));
  page.on("requestfailed", (request) => {
    watched.complaints.push(`${request.url()}: ${request.failure()?.errorText ?? "failed"}`);
  });
  await page.setViewport({ width, height: 900, deviceScaleFactor: scale });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  return watched;
}
