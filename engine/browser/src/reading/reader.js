(root, format) => {
  // Puts a page, or one element, into text. What cannot be seen is left out; a page's main content goes before the rest of it.
  const SKIPPED = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "HEAD", "IFRAME", "SVG", "CANVAS", "VIDEO", "AUDIO", "OBJECT"]);
  const BLOCK = /^(block|flex|grid|list-item|table|flow-root|table-row|table-caption)/;
  const LIMIT = 4_000_000;
  const markdown = format === "markdown";
  let size = 0;
  const line = (text) => text.replace(/\s+/g, " ");
  const hidden = (element) => getComputedStyle(element).display !== "contents" && !element.checkVisibility({ visibilityProperty: true });
  const children = (node) => (node.shadowRoot ? [...node.shadowRoot.childNodes] : node.tagName === "SLOT" && node.assignedNodes().length ? node.assignedNodes() : [...node.childNodes]);
  const block = (text) => (text.trim() ? `\n\n${text.trim()}\n\n` : "");
  // Blanks that mean something are put aside until the end.
  const keep = (text) => text.replace(/ /g, "\u0001").replace(/\n/g, "\u0002");
  const wrap = (text, mark) => (markdown && text.trim() ? text.replace(/^(\s*)([\s\S]*?)(\s*)$/, `$1${mark}$2${mark}$3`) : text);

  const inside = (node, skip, depth) => {
    let text = "";
    for (const child of children(node)) text += render(child, skip, depth + 1);
    return text;
  };

  const list = (element, skip, depth) => {
    const ordered = element.tagName === "OL";
    let number = element.start || 1;
    let text = "";
    for (const item of children(element)) {
      if (item.nodeType !== 1 || item === skip || hidden(item)) continue;
      const content = tidy(render(item, skip, depth + 1)).replace(/\n\n+/g, "\n");
      if (content) text += `${ordered ? `${number++}.` : "-"} ${content.replace(/\n/g, "\n\u0001\u0001")}\n`;
    }
    return block(text);
  };

  const table = (element, skip, depth) => {
    const rows = [...element.rows].filter((row) => !hidden(row)).map((row) => [...row.cells].map((cell) => line(inside(cell, skip, depth)).trim().replace(/\|/g, "\\|")));
    const width = Math.max(0, ...rows.map((row) => row.length));
    if (width < 2 || element.querySelector("table")) return block(inside(element, skip, depth));
    const said = (row) => (markdown ? `| ${[...row, ...Array(width - row.length).fill("")].join(" | ")} |` : row.join("\t"));
    const lines = rows.map(said);
    if (markdown) lines.splice(1, 0, `|${" --- |".repeat(width)}`);
    return block(`${element.caption ? `${line(element.caption.textContent).trim()}\n\n` : ""}${lines.join("\n")}`);
  };

  const link = (element, skip, depth) => {
    const text = inside(element, skip, depth);
    const url = element.href;
    if (!markdown || typeof url !== "string" || !/^(https?|mailto|tel):/.test(url) || !text.trim()) return text;
    if (/\n\n/.test(text.trim())) return text;
    return text.replace(/^(\s*)([\s\S]*?)(\s*)$/, (_, before, label, after) => `${before}[${line(label)}](${url})${after}`);
  };

  const render = (node, skip, depth) => {
    if (node === skip || depth > 500 || size > LIMIT) return "";
    if (node.nodeType === 3) {
      size += node.data.length;
      return line(node.data);
    }
    if (node.nodeType !== 1 || SKIPPED.has(node.tagName.toUpperCase()) || hidden(node)) return "";
    const tag = node.tagName;
    const heading = /^H([1-6])$/.exec(tag);
    if (heading) return block(`${markdown ? `${"#".repeat(heading[1])} ` : ""}${line(inside(node, skip, depth)).trim()}`);
    switch (tag) {
      case "BR": return "\n";
      case "HR": return markdown ? block("---") : "\n\n";
      case "A": return link(node, skip, depth);
      case "UL": case "OL": case "MENU": return list(node, skip, depth);
      case "TABLE": return table(node, skip, depth);
      case "PRE": return block(keep(markdown ? `\`\`\`\n${node.innerText.replace(/\n$/, "")}\n\`\`\`` : node.innerText));
      case "CODE": case "KBD": case "SAMP": return wrap(inside(node, skip, depth), "`");
      case "STRONG": case "B": return wrap(inside(node, skip, depth), "**");
      case "EM": case "I": return wrap(inside(node, skip, depth), "*");
      case "BLOCKQUOTE": return markdown ? block(tidy(inside(node, skip, depth)).replace(/^/gm, "> ")) : block(inside(node, skip, depth));
      case "IMG": return markdown && node.alt && /^https?:/.test(node.src) ? `![${line(node.alt)}](${node.src})` : node.alt ? line(node.alt) : "";
      case "INPUT": return ["submit", "button", "reset"].includes(node.type) ? ` ${node.value} ` : "";
      case "TEXTAREA": return "";
      case "SELECT": return [...node.selectedOptions].map((option) => line(option.label)).join(", ");
      case "TD": case "TH": return `${inside(node, skip, depth)} `;
      case "DT": return block(wrap(inside(node, skip, depth), "**"));
    }
    const text = inside(node, skip, depth);
    return BLOCK.test(getComputedStyle(node).display) ? block(text) : text;
  };

  // Blocks are parted by one empty line; what is preformatted keeps its blanks.
  const tidy = (text) =>
    text.replace(/[ \t]*\n[ \t]*/g, "\n").replace(/\n{3,}/g, "\n\n").trim();
  const finish = (text) => tidy(text).replace(/\u0001/g, " ").replace(/\u0002/g, "\n");

  const outline = (within) => {
    const found = [...within.querySelectorAll("h1,h2,h3,h4,h5,h6,[role=heading]")].filter((heading) => !hidden(heading));
    const level = (heading) => Number(heading.getAttribute("aria-level") || heading.tagName[1]) || 2;
    return found.map((heading) => `${"  ".repeat(level(heading) - 1)}- ${line(heading.textContent).trim()}`).join("\n");
  };

  const main = () => {
    const found = [...document.querySelectorAll("main,[role=main]")].filter((element) => !hidden(element));
    const articles = found.length ? found : [...document.querySelectorAll("article")].filter((element) => !hidden(element));
    if (articles.length !== 1) return null;
    // Where it is a small part of the page it may be anything.
    const whole = document.body.textContent.length;
    return articles[0].textContent.length * 10 >= whole ? articles[0] : null;
  };

  const within = root || document.body;
  if (!within) return "";
  if (format === "outline") return outline(within);
  const first = root ? null : main();
  if (!first) return finish(render(within, null, 0));
  const rest = finish(render(within, first, 0));
  return finish(render(first, null, 0)) + (rest ? `\n\n---\n\n${rest}` : "");
}
