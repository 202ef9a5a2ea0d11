// One message with everything on it, and lists of them.
import { el } from "./dom.js";
import { blocks } from "./blocks.js";
import { entered } from "./controls.js";
import { clock, emoji, full, mrkdwn } from "./text.js";

export function message(one, world, deed, openThread, replies) {
  const author = world.personOf(one.user);
  const when = new Date(Number(one.ts) * 1000);
  const act = (block, element, chosen) => deed("use", {
    channel: one.channel, ts: one.ts, block_id: block.block_id, action_id: element.action_id, chosen, values: entered(node),
  });
  const body = one.blocks.length ? blocks(one.blocks, world, act) : [el("div", { class: "words" }, mrkdwn(one.text, world))];
  const classes = ["message", one.ephemeral && "only-you", one.problem && "problem", one.called && "called", one.deleted && "deleted"];
  const node = el("li", { class: classes.filter(Boolean).join(" "), tabindex: "-1", id: `m-${one.ts}` },
    avatar(author),
    el("article", { class: "content", "aria-label": `${author.real_name}, ${clock(when, world.zone)}` },
      one.ephemeral ? el("p", { class: "seen" }, "Only visible to you") : null,
      el("p", { class: "by" }, el("b", {}, one.problem ? "Slack" : author.real_name),
        author.bot && !one.problem ? el("span", { class: "app" }, "APP") : null,
        el("time", { datetime: when.toISOString(), title: full(when, world.zone) }, clock(when, world.zone)),
        one.edited ? el("span", { class: "edited" }, "edited") : null,
        one.pinned ? el("span", { class: "edited" }, "pinned") : null),
      body,
      one.attachments.map((attachment) => el("div", { class: "attachment" },
        attachment.text ? el("div", {}, mrkdwn(attachment.text, world)) : null, blocks(attachment.blocks || [], world, act))),
      one.files.map(file),
      reactions(one, world, deed),
      replies?.count ? el("button", { type: "button", class: "replies", "data-focus": "replies", onclick: () => openThread(one) },
        `${replies.count} ${replies.count === 1 ? "reply" : "replies"}`,
        el("span", {}, ` last at ${clock(new Date(Number(replies.last) * 1000), world.zone)}`)) : null,
      tools(one, world, deed, openThread, replies)));
  return node;
}

const COLOURS = 6;
export function avatar(person) {
  const colour = [...person.id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % COLOURS;
  return el("span", { class: person.bot ? "avatar bot" : `avatar colour-${colour}`, "aria-hidden": "true" },
    person.bot ? "S" : person.real_name.split(" ").map((part) => part[0]).join("").slice(0, 2));
}

const file = (one) => one.picture
  ? el("figure", { class: "file" }, el("figcaption", {}, one.title), el("a", { href: `files/${one.id}`, target: "_blank" }, el("img", { src: `files/${one.id}`, alt: one.title })))
  : el("details", { class: "file", open: one.text.length < 1200 },
    el("summary", {}, el("b", {}, one.title), one.title === one.name ? "" : ` ${one.name}`),
    el("pre", { tabindex: "0", "aria-label": one.title }, one.text),
    el("a", { href: `files/${one.id}`, target: "_blank" }, "Open on its own"));

const reactions = (one, world, deed) => {
  const names = Object.keys(one.reactions);
  return names.length ? el("div", { class: "reactions" }, names.map((name) =>
    el("button", {
      type: "button", title: one.reactions[name].map(world.nameOf).join(", "), "aria-label": `${name}, ${one.reactions[name].length}`,
      onclick: () => deed("react", { channel: one.channel, ts: one.ts, name }),
    }, `${emoji(name)} ${one.reactions[name].length}`))) : null;
};

function tools(one, world, deed, openThread, replies) {
  if (one.ephemeral || one.deleted || !world.canAct) return null;
  return el("div", { class: "tools" },
    replies ? el("button", { type: "button", onclick: () => openThread(one) }, "Reply in thread") : null,
    el("button", { type: "button", "aria-label": "React with eyes", onclick: () => deed("react", { channel: one.channel, ts: one.ts, name: "eyes" }) }, "👀"),
    Object.keys(world.shortcuts).map((name) =>
      el("button", { type: "button", onclick: () => deed("shortcut", { channel: one.channel, ts: one.ts, name }) }, name)));
}
