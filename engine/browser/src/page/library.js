// What is asked of a page's elements. It runs in a world of its own in each frame: the page's scripts do not see it, and cannot change it.
// Everything is a function of `zo`, called by the modules of the same names.
(() => {
  if (globalThis.zo) return;
  const zo = (globalThis.zo = {});
  const SKIPPED = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "HEAD", "META", "LINK", "TITLE"]);
  const squeeze = (text) => text.replace(/\s+/g, " ").trim();
  const fold = (text) => squeeze(text).toLocaleLowerCase();
  zo.squeeze = squeeze;

  // ---- Looking

  zo.visible = (element) => {
    if (!element.isConnected) return false;
    const style = getComputedStyle(element);
    if (style.display === "contents") return [...element.children].some(zo.visible) || squeeze(element.textContent) !== "";
    if (!element.checkVisibility({ visibilityProperty: true })) return false;
    return [...element.getClientRects()].some((rect) => rect.width > 0 && rect.height > 0);
  };

  const parentOf = (node) => node.assignedSlot || node.parentElement || (node.getRootNode() instanceof ShadowRoot ? node.getRootNode().host : null);

  const contains = (outer, inner) => {
    for (let node = inner; node; node = parentOf(node)) if (node === outer) return true;
    return false;
  };

  zo.disabled = (element) => {
    if (element.matches(":disabled")) return true;
    for (let node = element; node; node = parentOf(node)) if (node.getAttribute("aria-disabled") === "true") return true;
    return false;
  };

  zo.editable = (element) => {
    if (element.isContentEditable) return true;
    if (element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement) return !element.readOnly;
    if (!(element instanceof HTMLInputElement)) return false;
    return !element.readOnly && !["button", "submit", "reset", "image", "file", "checkbox", "radio", "hidden"].includes(element.type);
  };

  zo.checked = (element) => {
    element = zo.control(element);
    if (element instanceof HTMLOptionElement) return element.selected;
    if (element instanceof HTMLInputElement && ["checkbox", "radio"].includes(element.type)) return element.checked;
    const said = element.getAttribute("aria-checked") ?? element.getAttribute("aria-selected") ?? element.getAttribute("aria-pressed");
    return said === null ? null : said === "true";
  };

  // A label stands for its field.
  zo.control = (element) => {
    const label = element.closest("label");
    return label && label.control && !element.matches("input,textarea,select,button") ? label.control : element;
  };

  const textOf = (element) => {
    if (SKIPPED.has(element.tagName)) return "";
    if (element instanceof HTMLInputElement) return ["button", "submit", "reset"].includes(element.type) ? element.value : "";
    if (element.shadowRoot) return [...element.shadowRoot.childNodes, ...element.childNodes].map(textOfNode).join(" ");
    if (!element.querySelector("script,style,noscript,template,input") && !hasShadow(element)) return element.textContent;
    return [...element.childNodes].map(textOfNode).join("");
  };
  const textOfNode = (node) => (node.nodeType === 3 ? node.data : node.nodeType === 1 ? textOf(node) : "");
  const hasShadow = (element) => roots().length > 1 && roots().some((root) => root.host && element.contains(root.host));

  // A short text that tells people which element is meant.
  zo.describe = (element) => {
    const names = ["id", "name", "type", "class", "role", "href", "aria-label", "data-testid"];
    let said = "<" + element.tagName.toLowerCase();
    for (const name of names) {
      const value = element.getAttribute(name);
      if (value) said += ` ${name}=${value.length > 40 ? value.slice(0, 40) + "…" : value}`;
      if (said.length > 100) break;
    }
    const text = squeeze(element.textContent || "");
    return said + ">" + (text ? ` "${text.length > 40 ? text.slice(0, 40) + "…" : text}"` : "");
  };

  // ---- Finding

  let knownRoots = null;
  const roots = () => {
    if (knownRoots) return knownRoots;
    knownRoots = [document];
    for (let index = 0; index < knownRoots.length; index++) {
      for (const element of knownRoots[index].querySelectorAll("*")) if (element.shadowRoot) knownRoots.push(element.shadowRoot);
    }
    return knownRoots;
  };

  const everywhere = (selector) => roots().flatMap((root) => [...root.querySelectorAll(selector)]);

  const fits = (text, words) => {
    if (words.exact) return squeeze(text) === squeeze(words.text) ? 2 : 0;
    const [whole, part] = [fold(text), fold(words.text)];
    return whole === part ? 2 : whole.includes(part) ? 1 : 0;
  };

  const best = (found) => {
    const whole = found.filter(([rank]) => rank === 2);
    return (whole.length ? whole : found).map(([, element]) => element);
  };

  const byText = (words) => {
    const found = [];
    const part = words.exact ? squeeze(words.text) : fold(words.text);
    const visit = (element) => {
      if (SKIPPED.has(element.tagName)) return false;
      const own = textOf(element);
      const text = words.exact ? squeeze(own) : fold(own);
      if (!text.includes(part)) return false;
      let inside = false;
      const children = [...(element.shadowRoot ? element.shadowRoot.children : []), ...element.children];
      for (const child of children) inside = visit(child) || inside;
      const rank = fits(own, words);
      if (!inside && rank) found.push([rank, element]);
      return inside || rank > 0;
    };
    if (document.body) visit(document.body);
    return best(found);
  };

  const labelsOf = (element) => {
    const labels = [...(element.labels || [])].map((label) => label.textContent);
    const by = (element.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
    labels.push(...by.map((id) => element.getRootNode().getElementById(id)?.textContent || ""));
    labels.push(element.getAttribute("aria-label") || "", element.getAttribute("placeholder") || "", element.getAttribute("title") || "");
    return labels.filter((label) => squeeze(label) !== "");
  };

  const byLabel = (words) => {
    const fields = everywhere("input,textarea,select,button,meter,output,progress,[contenteditable],[aria-label],[aria-labelledby]");
    const rank = (element) => Math.max(0, ...labelsOf(element).map((label) => fits(label, words)));
    return best(fields.map((element) => [rank(element), element]).filter(([rank]) => rank));
  };

  // Elements that fit, in document order; those that can be seen, if any can.
  zo.find = (how) => {
    knownRoots = null;
    let found;
    try {
      if (how.css !== undefined) found = everywhere(how.css);
      else if (how.text) found = byText(how.text);
      else if (how.label) found = byLabel(how.label);
      else found = everywhere(["data-testid", "data-test-id", "data-test", "data-qa"].map((name) => `[${name}=${JSON.stringify(how.testid)}]`).join(","));
    } catch (error) {
      return { wrong: error.message };
    }
    if (how.css === undefined) {
      const seen = found.filter(zo.visible);
      if (seen.length) found = seen;
    }
    zo.found = found;
    return { count: found.length, candidates: found.slice(0, 5).map(zo.describe) };
  };

  // ---- Aiming

  const view = () => ({ right: innerWidth, bottom: innerHeight });

  // Points of an element that are in sight: its middle first.
  const points = (element) => {
    const { right, bottom } = view();
    const rects = [...element.getClientRects()].filter((rect) => rect.width > 0 && rect.height > 0);
    rects.sort((a, b) => b.width * b.height - a.width * a.height);
    return rects.slice(0, 3).flatMap((rect) => {
      const [x0, x1, y0, y1] = [Math.max(rect.left, 0), Math.min(rect.right, right), Math.max(rect.top, 0), Math.min(rect.bottom, bottom)];
      if (x1 <= x0 || y1 <= y0) return [];
      const at = (u, v) => [x0 + (x1 - x0) * u, y0 + (y1 - y0) * v];
      return [at(0.5, 0.5), at(0.25, 0.5), at(0.75, 0.5), at(0.5, 0.25), at(0.5, 0.75)];
    });
  };

  // What lies over an element at a point; null if nothing does.
  const covering = (element, x, y) => {
    const path = [];
    for (let node = element; node; ) {
      path.unshift(node);
      const root = node.getRootNode();
      node = root instanceof ShadowRoot ? root.host : null;
    }
    for (const node of path) {
      const hit = node.getRootNode().elementFromPoint(x, y);
      if (!hit) return document.documentElement;
      if (hit === node || node.contains(hit) || contains(node, hit)) continue;
      const label = hit.closest("label");
      if (label && (label.control === node || label.contains(node))) continue;
      if (contains(hit, node) && (getComputedStyle(node).pointerEvents === "none" || hit.matches("a,button,label,summary,[role=button],[role=link]"))) continue;
      return hit;
    }
    return null;
  };

  const animated = (element) =>
    document.getAnimations().some((animation) => animation.playState === "running" && animation.effect?.target && contains(animation.effect.target, element));

  // Where to act upon an element, or why that cannot be done now.
  zo.aim = (element, wants) => {
    if (!element.isConnected) return { state: "detached" };
    const said = { what: zo.describe(element) };
    if (!zo.visible(element)) return { ...said, state: "hidden" };
    if (wants.enabled && zo.disabled(element)) return { ...said, state: "disabled" };
    if (wants.editable && !zo.editable(element)) return { ...said, state: "readonly" };
    let by = null;
    for (const scroll of [null, "nearest", "center"]) {
      if (scroll) element.scrollIntoView({ block: scroll, inline: scroll, behavior: "instant" });
      for (const [x, y] of points(element)) {
        const cover = covering(element, x, y);
        if (!cover) {
          const rect = element.getBoundingClientRect();
          return { ...said, state: "ok", x, y, moving: animated(element), at: [rect.left, rect.top, rect.width, rect.height] };
        }
        by = cover;
      }
    }
    return by ? { ...said, state: "covered", by: zo.describe(by) } : { ...said, state: "outside" };
  };

  // The same point, seen from outside a frame.
  zo.through = (frame, x, y) => {
    const place = () => {
      const rect = frame.getBoundingClientRect();
      const style = getComputedStyle(frame);
      const scale = frame.offsetWidth ? rect.width / frame.offsetWidth : 1;
      const inside = (border, padding) => (border + (parseFloat(padding) || 0)) * scale;
      return [rect.left + inside(frame.clientLeft, style.paddingLeft) + x * scale, rect.top + inside(frame.clientTop, style.paddingTop) + y * scale];
    };
    let [outerX, outerY] = place();
    let scrolled = false;
    const { right, bottom } = view();
    if (outerX < 0 || outerY < 0 || outerX > right || outerY > bottom) {
      scrollBy({ left: outerX - right / 2, top: outerY - bottom / 2, behavior: "instant" });
      scrolled = true;
      [outerX, outerY] = place();
    }
    const by = covering(frame, outerX, outerY);
    return { x: outerX, y: outerY, scrolled, by: by && zo.describe(by) };
  };

  // ---- Acting

  zo.prepare = (element, text) => {
    element = zo.control(element);
    element.focus();
    const set = ["date", "time", "month", "week", "datetime-local", "color", "range"];
    if (element instanceof HTMLInputElement && set.includes(element.type)) {
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(element, text);
      if (element.value !== text && element.type !== "range") return { wrong: `a field of type ${element.type} does not take ${JSON.stringify(text)}` };
      changed(element);
      return { set: true };
    }
    if (element.isContentEditable) {
      getSelection().selectAllChildren(element);
      return { empty: element.textContent === "" };
    }
    element.select();
    return { empty: element.value === "" };
  };

  // The cursor goes behind what is there.
  zo.focusAtEnd = (element) => {
    element = zo.control(element);
    if (element !== document.activeElement) element.focus();
    if (element.isContentEditable) {
      getSelection().selectAllChildren(element);
      getSelection().collapseToEnd();
    } else if (element.setSelectionRange && /^(text|search|url|tel|password)$/.test(element.type || "text")) {
      element.setSelectionRange(element.value.length, element.value.length);
    }
  };

  zo.value = (element) => {
    element = zo.control(element);
    if (element instanceof HTMLSelectElement && element.multiple) return [...element.selectedOptions].map((option) => option.value);
    if ("value" in element && typeof element.value !== "object") return element.value;
    return element.isContentEditable ? element.innerText : null;
  };

  const changed = (element) => {
    element.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
    element.dispatchEvent(new Event("change", { bubbles: true }));
  };

  zo.select = (element, values) => {
    element = zo.control(element);
    if (!(element instanceof HTMLSelectElement)) return { wrong: `${zo.describe(element)} is no list of options` };
    if (values.length > 1 && !element.multiple) return { wrong: `the list takes one option, and ${values.length} are given` };
    const options = [...element.options];
    const chosen = [];
    for (const value of values) {
      const option = options.find((option) => option.value === value) || options.find((option) => fold(option.label) === fold(value));
      if (!option) return { missing: value, options: options.slice(0, 20).map((option) => squeeze(option.label)) };
      if (option.disabled || option.parentElement.disabled) return { wrong: `the option ${JSON.stringify(value)} is disabled`, disabled: true };
      chosen.push(option);
    }
    const before = options.map((option) => option.selected).join();
    element.focus();
    for (const option of options) option.selected = chosen.includes(option);
    if (before !== options.map((option) => option.selected).join()) changed(element);
    return { chosen: chosen.map((option) => option.value) };
  };

  zo.scroll = (element, { to, x, y }) => {
    let what = element;
    while (what && what !== document.body && what !== document.documentElement) {
      const style = getComputedStyle(what);
      const [down, across] = [what.scrollHeight > what.clientHeight, what.scrollWidth > what.clientWidth];
      if ((down && /auto|scroll/.test(style.overflowY)) || (across && /auto|scroll/.test(style.overflowX))) break;
      what = parentOf(what);
    }
    what = what && what !== document.body ? what : document.scrollingElement || document.documentElement;
    if (to) what.scrollTo({ top: to === "top" ? 0 : what.scrollHeight, behavior: "instant" });
    else what.scrollBy({ left: x || 0, top: y || 0, behavior: "instant" });
    return { x: what.scrollLeft, y: what.scrollTop, height: what.scrollHeight, bottom: Math.ceil(what.scrollTop + what.clientHeight) >= what.scrollHeight };
  };

  zo.shows = (text) => fold(document.body ? document.body.innerText : "").includes(fold(text));

  zo.box = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x, y, width, height };
  };

  // ---- Marks for pictures

  zo.mark = (marks) => {
    zo.unmark();
    const layer = document.createElement("div");
    layer.style.cssText = "position:absolute;left:0;top:0;width:0;height:0;z-index:2147483647;pointer-events:none";
    const shadow = layer.attachShadow({ mode: "closed" });
    for (const { name, x, y, width, height } of marks) {
      const box = document.createElement("div");
      box.style.cssText = `position:absolute;left:${x}px;top:${y}px;width:${width}px;height:${height}px;outline:2px solid #d0006f;box-sizing:border-box`;
      const label = document.createElement("div");
      label.textContent = name;
      label.style.cssText = "position:absolute;left:0;top:0;font:bold 11px/13px monospace;color:#fff;background:#d0006f;padding:0 2px";
      box.append(label);
      shadow.append(box);
    }
    document.documentElement.append(layer);
    zo.layer = layer;
  };
  zo.unmark = () => zo.layer?.remove();
})();
