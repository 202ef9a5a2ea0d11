// Block Kit as DOM nodes. `act(block, element, chosen)` is called when something is pressed or picked.
import { el } from "./dom.js";
import { control } from "./controls.js";
import { date, emoji, link, mention, mrkdwn } from "./text.js";

export function blocks(list, world, act) {
  return list.map((block) => (KINDS[block.type] || unknown)(block, world, act));
}

const unknown = (block) => el("p", { class: "unknown" }, `[${block.type}]`);

export function words(text, world) {
  if (!text) return [];
  return text.type === "mrkdwn" ? mrkdwn(text.text, world) : plain(text.text);
}

const plain = (text) => text.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line]));

const KINDS = {
  section(block, world, act) {
    const fields = (block.fields || []).map((field) => el("div", { class: "field" }, words(field, world)));
    return el("div", { class: "section" },
      el("div", { class: "section-words" },
        block.text ? el("div", {}, words(block.text, world)) : null,
        fields.length ? el("div", { class: "fields" }, fields) : null),
      block.accessory ? el("div", { class: "accessory" }, control(block, block.accessory, world, act)) : null);
  },
  header: (block) => el("h3", { class: "block-header" }, plain(block.text.text)),
  divider: () => el("hr"),
  context: (block, world) => el("div", { class: "context" }, block.elements.map((element) =>
    element.type === "image" ? picture(element) : el("span", {}, words(element, world)))),
  actions: (block, world, act) =>
    el("div", { class: "actions" }, block.elements.map((element) => control(block, element, world, act))),
  image: (block, world) => el("figure", {},
    block.title ? el("figcaption", {}, words(block.title, world)) : null, picture(block)),
  input: (block, world, act) => control(block, block.element, world, block.dispatch_action ? act : null),
  alert: (block, world) => el("div", { class: `alert ${block.level || "default"}`, role: "note" }, words(block.text, world)),
  markdown: (block) => el("div", { class: "markdown" }, plain(block.text)),
  rich_text: (block, world) => el("div", { class: "rich" }, block.elements.map((element) => rich(element, world))),
  table: (block, world) => el("div", { class: "table" }, el("table", {}, block.rows.map((row, index) =>
    el("tr", {}, row.map((cell) => el(index ? "td" : "th", {},
      cell.type === "rich_text" ? cell.elements.map((element) => rich(element, world)) : String(cell.text ?? cell.value))))))),
};

const picture = (element) =>
  el("img", { src: element.image_url || `files/${element.slack_file?.id}`, alt: element.alt_text || "" });

function rich(element, world) {
  const inside = () => element.elements.flatMap((one) => piece(one, world));
  switch (element.type) {
    case "rich_text_preformatted": return el("pre", {}, el("code", {}, inside()));
    case "rich_text_quote": return el("blockquote", {}, inside());
    case "rich_text_list":
      return el(element.style === "ordered" ? "ol" : "ul", { class: `rich-list indent-${element.indent || 0}`, start: element.offset ? element.offset + 1 : null },
        element.elements.map((item) => el("li", {}, item.elements.flatMap((one) => piece(one, world)))));
    default: return el("div", {}, inside());
  }
}

const LOOKS = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

function piece(one, world) {
  let nodes;
  switch (one.type) {
    case "user": nodes = [mention(one.user_id, world)]; break;
    case "usergroup": nodes = [mention(one.usergroup_id, world)]; break;
    case "channel": nodes = [mention(one.channel_id, world)]; break;
    case "broadcast": nodes = [el("span", { class: "mention me" }, `@${one.range}`)]; break;
    case "link": nodes = [link(one.url, one.text)]; break;
    case "emoji": nodes = [emoji(one.name)]; break;
    case "date": nodes = [date(`!date^${one.timestamp}^${one.format}`, one.fallback || "", world)]; break;
    default: nodes = plain(one.text ?? one.value ?? "");
  }
  for (const [name, tag] of Object.entries(LOOKS)) if (one.style?.[name]) nodes = [el(tag, {}, nodes)];
  return nodes;
}
