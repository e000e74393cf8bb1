// One chart: lines over time with their bands, named at their ends, and a legend that reads them out.

import uPlot from "uplot";

import type { ChartData, ChartText, Key } from "./chart-data.ts";
import { element, setAttribute, setText, svg } from "./elements.ts";
import { chartOptions } from "./chart-options.ts";
import { markPicture } from "./marks.ts";
import { clock } from "./words.ts";

export class Chart {
  readonly root: HTMLElement;
  readonly #place: HTMLElement;
  readonly #legend = element("ul", { class: "legend" });
  readonly #when = element("span", { class: "when" });
  #plot: uPlot | null = null;
  #data: ChartData | null = null;
  #shown: ChartData | null = null;
  /** What the present plot was made for. */
  #structure = "";
  #isVisible = false;

  constructor(private readonly text: ChartText) {
    this.#place = element("div", { class: "plot", role: "img", "aria-label": text.title });
    const title = element("figcaption", {}, element("span", { class: "title" }, text.title), this.#when);
    const note = element("p", { class: "note" }, ...keyOf(text.key ?? []), text.note);
    this.root = element("figure", {}, title, this.#legend, this.#place, note);
    const seen = (entries: IntersectionObserverEntry[]): void => {
      this.#isVisible = entries.at(-1)?.isIntersecting ?? false;
      this.#draw();
    };
    new IntersectionObserver(seen, { rootMargin: "200px" }).observe(this.root);
    new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = this.#place;
      if (width > 0) this.#plot?.setSize({ width, height });
    }).observe(this.#place);
  }

  /** What nobody sees is not drawn, until it is seen. */
  show(data: ChartData): void {
    this.#data = data;
    const names = [...new Set(data.lines.map(({ name }) => name))];
    const now = names.map((name) => `${name} ${this.#textOf(data, name, data.times.length - 1)}`).join(", ");
    setAttribute(this.#place, "aria-label", `${this.text.title}. Now: ${now || "nothing yet"}`);
    this.#draw();
  }

  /** The values of all lines of one name. */
  #textOf({ lines }: ChartData, name: string, at: number): string {
    const own = lines.filter((line) => line.name === name);
    return own.map(({ values }) => this.text.format(values[at] ?? null)).join(" · ");
  }

  /** Draws everything anew: colours have changed. */
  restyle(): void {
    this.#structure = "";
    this.#shown = null;
    this.#draw();
  }

  #draw(): void {
    const data = this.#data;
    if (data === null || data === this.#shown || !this.#isVisible || document.hidden) return;
    const { clientWidth: width, clientHeight: height } = this.#place;
    if (width === 0) return;
    this.#shown = data;
    const structure = JSON.stringify(
      data.lines.map(({ name, mark, style, end, band }) => [name, mark, style, end, band !== undefined]),
    );
    if (structure === this.#structure && this.#plot !== null) {
      this.#plot.setData(columnsOf(data), true);
    } else {
      this.#plot?.destroy();
      this.#structure = structure;
      const options = chartOptions(
        this.text,
        () => this.#shown ?? data,
        () => this.#readOut(),
        width,
      );
      this.#plot = new uPlot({ ...options, width, height }, columnsOf(data), this.#place);
    }
    this.#readOut();
  }

  /** The legend tells of where the pointer is, else of now. */
  #readOut(): void {
    const data = this.#shown;
    if (data === null) return;
    const pointed = this.#plot?.cursor.idx ?? null;
    const at = pointed ?? data.times.length - 1;
    setText(this.#when, pointed === null ? "" : clock(data.times[at] ?? 0));
    const names = [...new Set(data.lines.map(({ name }) => name))];
    const texts = names.map((name) => this.#textOf(data, name, at));
    if (this.#legend.children.length !== names.length || this.#legend.dataset["names"] !== names.join()) {
      this.#legend.dataset["names"] = names.join();
      this.#legend.replaceChildren(
        ...names.map((name) => {
          const mark = data.lines.find((line) => line.name === name)?.mark;
          const picture = mark === undefined ? [] : [markPicture(mark)];
          return element("li", {}, ...picture, element("span", {}, name), element("b"));
        }),
      );
    }
    texts.forEach((text, index) => {
      const value = this.#legend.children[index]?.lastElementChild;
      if (value) setText(value, text);
    });
  }
}

/** The key: a short line of each style, and what it stands for. */
function keyOf(key: Key): Node[] {
  return key.map(([style, name]) => {
    const line = svg("path", { d: "M1 5h22", class: style });
    const picture = svg(
      "svg",
      { viewBox: "0 0 24 10", width: "24", height: "10", "aria-hidden": "true" },
      line,
    );
    return element("span", { class: "key" }, picture, name);
  });
}

/** uPlot takes seconds, and bands as further columns: the upper edge, then the lower. */
function columnsOf({ times, lines }: ChartData): uPlot.AlignedData {
  const columns = lines.flatMap(({ values, band }) =>
    band === undefined ? [values] : [values, band.upper, band.lower],
  );
  return [times.map((at) => at / 1000), ...columns.map((values) => [...values])];
}
