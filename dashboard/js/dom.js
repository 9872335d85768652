// Builds the page. All text becomes text nodes, so that nothing from the database can become markup.

/**
 * An element. Attributes that are functions become listeners (`onclick`), `true` an empty attribute; null and false are left out.
 * Children are elements, text, or lists of them.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** A link to another site, which learns nothing about this page. `style` is a class. */
export function outward(href, text, style = null) {
  return h(
    "a",
    { href, target: "_blank", rel: "noopener noreferrer", class: style },
    text,
    h("span", { class: "hidden" }, " (new tab)"),
  );
}

/** A command with a button that copies it. */
export function copyable(text, label = "Copy the command") {
  const button = h("button", { type: "button", class: "quiet", "aria-label": `${label}: ${text}` }, "Copy");
  button.addEventListener("click", async () => {
    await copy(text);
    button.textContent = "Copied";
    announce("Copied");
    setTimeout(() => button.textContent = "Copy", 2_000);
  });
  // Browsers break lines after hyphens, and half an option looks like another.
  const words = text.split(" ").flatMap((word, n) => [n > 0 && " ", h("span", {}, word)]);
  return h("div", { class: "command" }, h("code", { tabindex: "0" }, words), button);
}

/** Without TLS, and not on this machine, browsers have no clipboard; then the text is selected for the keyboard. */
async function copy(text) {
  if (navigator.clipboard) return await navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "hidden" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Tells a screen reader. */
export function announce(text) {
  let region = document.getElementById("announcements");
  if (!region) {
    region = h("div", { id: "announcements", class: "hidden", role: "status" });
    document.body.append(region);
  }
  region.textContent = text;
}

/** Names and values, side by side. Pairs whose value is null are left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/**
 * A table that becomes a list of cards on a phone. `columns`: { name, of(row), number?, main?, whole? }; a whole one is not
 * broken into lines. `isDense`: on a phone its cells follow each other, without their names, and the last one has a line of its own.
 */
export function table(columns, rows, { caption, empty, isDense = false }) {
  if (rows.length === 0) return h("p", { class: "empty" }, empty);
  const kind = ({ number, main, whole }) =>
    [number && "number", main && "main", whole && "whole"].filter(Boolean).join(" ") || null;
  return h(
    "table",
    { class: isDense ? "rows dense" : "rows" },
    h("caption", { class: "hidden" }, caption),
    h("thead", {}, h("tr", {}, columns.map((it) => h("th", { scope: "col", class: kind(it) }, it.name)))),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h("tr", {}, columns.map((it) => h("td", { class: kind(it), "data-name": it.name }, it.of(row) ?? "")))
      ),
    ),
  );
}

/** A word on a coloured background. `tone`: good, wait, warn, bad or plain. The word has the same meaning without the colour. */
export function badge(text, tone = "plain") {
  return h("span", { class: `badge ${tone}` }, text);
}

export function card(title, ...children) {
  return h("section", { class: "card" }, title && h("h2", {}, title), ...children);
}
