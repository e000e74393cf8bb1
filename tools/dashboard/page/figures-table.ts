// A table with a column for each thing that is compared and a row for each figure.

import { element, setText } from "./elements.ts";
import { markPicture, type Mark } from "./marks.ts";

export interface Column {
  readonly name: string;
  /** Null where the column is no line of a chart. */
  readonly mark: Mark | null;
  /** Below the name: `default`, or what was decided. */
  readonly tag: string;
}

export interface Row {
  readonly title: string;
  /** One for each column. A second line stands below the first, smaller. */
  readonly cells: readonly (readonly [text: string, below?: string])[];
}

export interface Group {
  readonly title: string;
  readonly rows: readonly Row[];
}

export class FiguresTable {
  readonly root: HTMLElement;
  readonly #table = element("table");
  #structure = "";

  /** `caption`: for those who do not see where the table stands. */
  constructor(caption: string) {
    this.#table.append(element("caption", { class: "unseen" }, caption));
    // Many columns scroll by themselves, by keyboard too, and leave the page where it is.
    this.root = element(
      "div",
      { class: "table", role: "region", tabindex: "0", "aria-label": caption },
      this.#table,
    );
  }

  show(columns: readonly Column[], groups: readonly Group[]): void {
    const structure = JSON.stringify([columns, groups.map(({ rows }) => rows.map(({ title }) => title))]);
    if (structure !== this.#structure) {
      this.#structure = structure;
      this.#build(columns, groups);
    }
    groups.forEach((group, index) => {
      const body = this.#table.tBodies[index];
      const heading = body?.rows[0]?.cells[0];
      if (body === undefined || heading === undefined) return;
      setText(heading, group.title);
      group.rows.forEach((row, at) => {
        row.cells.forEach(([text, below = ""], column) => {
          const cell = body.rows[at + 1]?.cells[column + 1];
          const [first, second] = cell === undefined ? [] : [cell.children[0], cell.children[1]];
          if (first) setText(first, text);
          if (second) setText(second, below);
        });
      });
    });
  }

  #build(columns: readonly Column[], groups: readonly Group[]): void {
    this.#table.tHead?.remove();
    for (const body of Array.from(this.#table.tBodies)) body.remove();
    const heads = columns.map(({ name, mark, tag }) =>
      element(
        "th",
        { scope: "col" },
        ...(mark === null ? [] : [markPicture(mark)]),
        element("span", {}, name),
        ...(tag === "" ? [] : [element("small", {}, tag)]),
      ),
    );
    this.#table.append(element("thead", {}, element("tr", {}, element("td"), ...heads)));
    for (const { rows } of groups) {
      const heading = element("th", { scope: "rowgroup", colspan: String(columns.length + 1) });
      const lines = rows.map(({ title, cells }) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, title),
          ...cells.map(() => element("td", {}, element("span"), element("small"))),
        ),
      );
      this.#table.append(element("tbody", {}, element("tr", { class: "group" }, heading), ...lines));
    }
  }
}
