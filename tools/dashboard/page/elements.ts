// Making and changing elements: text is always text, and nothing is touched that stays as it is.

type Attributes = Readonly<Record<string, string>>;

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function svg(tag: string, attributes: Attributes, ...children: Node[]): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The page's element of this id, which index.html has. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no #${id}`);
  return found;
}

/** A selection, or a screen reader's place, is lost when text is replaced by the same text. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export function setAttribute(target: Element, name: string, value: string): void {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/**
 * The views of a list, by name, in order: those that are there are kept, new ones made, gone ones removed.
 */
export function reconcile<View extends { readonly root: Element }>(
  parent: Element,
  views: Map<string, View>,
  names: readonly string[],
  make: (name: string, index: number) => View,
): void {
  for (const [name, view] of views) {
    if (names.includes(name)) continue;
    view.root.remove();
    views.delete(name);
  }
  names.forEach((name, index) => {
    const view = views.get(name) ?? make(name, index);
    views.set(name, view);
    if (parent.children[index] !== view.root) parent.insertBefore(view.root, parent.children[index] ?? null);
  });
}
