// Lines can be told apart: by colour also where colours are seen otherwise, on paper and at night, and by shape.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";

import { markOf } from "../../tools/dashboard/page/marks.ts";

const STYLE = readFileSync(
  join(resolve(import.meta.dirname, "../.."), "tools/dashboard/page/page.css"),
  "utf8",
);
type Rgb = readonly [number, number, number];

/** Custom properties of the light theme, and of the dark one. */
const [light, dark] = STYLE.split("@media (prefers-color-scheme: dark)").map(
  (part) =>
    new Map(
      [...part.matchAll(/(--[\w-]+): (#[0-9a-f]{6});/g)].map(([, name, hex]) => [name, linear(hex ?? "")]),
    ),
);
const THEMES = { light, dark };

function linear(hex: string): Rgb {
  const channel = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function luminance([r, g, b]: Rgb): number {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2.2 */
function contrast(one: Rgb, other: Rgb): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/**
 * Machado, Oliveira & Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency", IEEE
 * TVCG 15, 1291-1298: severity 1.0, over linear RGB.
 */
const EYES: Readonly<Record<string, readonly Rgb[]>> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function seenBy(eyes: readonly Rgb[], color: Rgb): Rgb {
  return eyes.map((row) =>
    Math.min(1, Math.max(0, row[0] * color[0] + row[1] * color[1] + row[2] * color[2])),
  ) as unknown as Rgb;
}

/** Oklab (Ottosson 2020): distances in it are about those that are seen. */
function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function distance(one: Rgb, other: Rgb): number {
  return Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2]);
}

/** Three or four variants are the most that a rollout has in practice; beyond them shapes and names have to do. */
const COLORS = 4;
/** A clear difference; 0.02 is one that is just noticed. */
const LEAST_DISTANCE = 0.09;

for (const [name, theme] of Object.entries(THEMES)) {
  describe(name, () => {
    const color = (property: string): Rgb => theme?.get(property) ?? assert.fail(`no ${property}`);

    for (const [eyes, matrix] of Object.entries(EYES)) {
      test(`the first ${COLORS} colours differ: ${eyes}`, () => {
        const seen = Array.from({ length: COLORS }, (_, index) =>
          oklab(seenBy(matrix, color(markOf(index).color))),
        );
        seen.forEach((one, index) => {
          seen.slice(index + 1).forEach((other, offset) => {
            const far = distance(one, other);
            assert.ok(far > LEAST_DISTANCE, `${index} and ${index + 1 + offset}: ${far.toFixed(3)}`);
          });
        });
      });
    }

    test("marks and words stand out from the card", () => {
      for (let index = 0; index < 6; index++) {
        assert.ok(contrast(color(markOf(index).color), color("--card")) >= 4.5, `mark ${index}`);
      }
      for (const ink of ["--ink", "--ink-soft"]) {
        for (const paper of ["--card", "--paper"]) {
          assert.ok(contrast(color(ink), color(paper)) >= 4.5, `${ink} on ${paper}`);
        }
      }
      for (const verdict of ["--pass", "--fail", "--inconclusive"]) {
        assert.ok(contrast(color(verdict), color(`${verdict}-paper`)) >= 4.5, verdict);
      }
    });
  });
}

test("sixteen variants, the most that a policy may have, have sixteen marks", () => {
  const marks = Array.from({ length: 16 }, (_, index) => JSON.stringify(markOf(index)));
  assert.equal(new Set(marks).size, 16);
});
