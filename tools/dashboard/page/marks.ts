// How lines are told apart: a colour, a shape and a name, so that none of them has to do alone.

import { svg } from "./elements.ts";

export interface Mark {
  /** A custom property of the page's style: light and dark have their own. */
  readonly color: string;
  readonly shape: Shape;
}

type Shape = "circle" | "square" | "triangle" | "diamond" | "cross" | "bar";

const SHAPES: readonly Shape[] = ["circle", "square", "triangle", "diamond", "cross", "bar"];
/** Properties --mark-0 … --mark-5 of page.css. The first is grey: what all others are compared with. */
const COLORS = 6;

/** The mark of the first, second, … of its kind; after six they begin again, with another shape for each colour. */
export function markOf(index: number): Mark {
  const shape = SHAPES[(index + Math.floor(index / COLORS)) % SHAPES.length] ?? "circle";
  return { color: `--mark-${index % COLORS}`, shape };
}

/** A shape as a path around a centre, in the same units as `radius`. */
export function shapePath(shape: Shape, x: number, y: number, radius: number): string {
  const r = radius;
  switch (shape) {
    case "circle":
      return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
    case "square":
      return `M${x - r * 0.9} ${y - r * 0.9}h${r * 1.8}v${r * 1.8}h${-r * 1.8}z`;
    case "triangle":
      return `M${x} ${y - r * 1.15}l${r * 1.15} ${r * 2}h${-r * 2.3}z`;
    case "diamond":
      return `M${x} ${y - r * 1.3}l${r * 1.3} ${r * 1.3}l${-r * 1.3} ${r * 1.3}l${-r * 1.3} ${-r * 1.3}z`;
    case "cross":
      return `M${x - r * 0.4} ${y - r * 1.1}h${r * 0.8}v${r * 0.7}h${r * 0.7}v${r * 0.8}h${-r * 0.7}v${r * 0.7}h${-r * 0.8}v${-r * 0.7}h${-r * 0.7}v${-r * 0.8}h${r * 0.7}z`;
    case "bar":
      return `M${x - r * 0.45} ${y - r * 1.2}h${r * 0.9}v${r * 2.4}h${-r * 0.9}z`;
  }
}

/** The mark as a small picture beside its name, which says what it stands for. */
export function markPicture({ color, shape }: Mark): SVGElement {
  const path = svg("path", { d: shapePath(shape, 6, 6, 4) });
  const picture = svg(
    "svg",
    { viewBox: "0 0 12 12", width: "12", height: "12", "aria-hidden": "true", class: "mark" },
    path,
  );
  picture.classList.add(color.slice(2));
  return picture;
}

/** The colour as it is now, for a canvas. */
export function colorNow(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}
