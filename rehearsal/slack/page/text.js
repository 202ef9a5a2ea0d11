// Slack's mrkdwn as DOM nodes: marks, dates in the reader's zone, formatting, quotes, code.
import { el } from "./dom.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", rotating_light: "🚨", eyes: "👀", tada: "🎉",
  hourglass: "⏳", hourglass_flowing_sand: "⏳", fire: "🔥", mag: "🔍", lock: "🔒", rewind: "⏪", bell: "🔔", memo: "📝",
  red_circle: "🔴", large_green_circle: "🟢", large_yellow_circle: "🟡", large_blue_circle: "🔵", "+1": "👍", "-1": "👎",
};
export const emoji = (name) => EMOJI[name] || `:${name}:`;

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// `world` answers nameOf(id), zone and me
export function mrkdwn(text, world) {
  const nodes = [];
  const parts = text.split(/(```[\s\S]*?```)/);
  for (const part of parts) {
    if (part.startsWith("```") && part.length > 5) {
      nodes.push(el("pre", {}, el("code", {}, bare(part.slice(3, -3).replace(/^\n|\n$/g, ""), world))));
    } else {
      nodes.push(...quotes(part, world));
    }
  }
  return nodes;
}

const bare = (text, world) => marks(text, world, (words) => [unescape(words)]);

function quotes(text, world) {
  const nodes = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) nodes.push(el("blockquote", {}, lines(quoted, world)));
    quoted = [];
  };
  let run = [];
  const flushRun = () => {
    if (run.length) nodes.push(...lines(run, world));
    run = [];
  };
  for (const line of text.split("\n")) {
    const quote = /^(?:>|&gt;) ?(.*)$/.exec(line);
    if (quote) {
      flushRun();
      quoted.push(quote[1]);
    } else {
      flush();
      run.push(line);
    }
  }
  flush();
  flushRun();
  return nodes;
}

const lines = (all, world) =>
  all.flatMap((line, index) => (index ? [el("br"), ...inline(line, world)] : inline(line, world)));

function inline(text, world) {
  return text.split(/(`[^`\n]+`)/).flatMap((part) =>
    /^`[^`]+`$/.test(part)
      ? [el("code", {}, bare(part.slice(1, -1), world))]
      : styled(part, world));
}

const STYLES = [["*", "strong"], ["_", "em"], ["~", "s"]];

function styled(text, world) {
  for (const [sign, tag] of STYLES) {
    const s = "\\" + sign;
    const found = new RegExp(`(^|[^\\w${s}])${s}(?=[^\\s${s}])([^${s}\\n]*?[^\\s${s}]|[^\\s${s}])${s}(?![\\w${s}])`).exec(text);
    if (!found || withinMark(text, found.index + found[1].length)) continue;
    const start = found.index + found[1].length;
    return [
      ...styled(text.slice(0, start), world),
      el(tag, {}, styled(found[2], world)),
      ...styled(text.slice(found.index + found[0].length), world),
    ];
  }
  return marks(text, world, (words) => [
    unescape(words).replace(/:([a-z0-9_+-]+):/g, (all, name) => EMOJI[name] || all),
  ]);
}

const withinMark = (text, at) => text.lastIndexOf("<", at) > text.lastIndexOf(">", at);

function marks(text, world, rest) {
  return text.split(/(<[^<>\n]+>)/).flatMap((part) => (/^<[^<>]+>$/.test(part) ? [mark(part.slice(1, -1), world)] : rest(part)));
}

function mark(inner, world) {
  const [target, ...labels] = inner.split("|");
  const label = unescape(labels.join("|"));
  if (target.startsWith("!date^")) return date(target, label, world);
  if (target.startsWith("!subteam^")) return mention(target.slice(9), world);
  if (target.startsWith("!")) return el("span", { class: "mention me" }, "@" + target.slice(1).split("^")[0]);
  if (/^[@#]/.test(target)) return mention(target.slice(1), world);
  if (/^(https?|mailto):/.test(target)) return link(unescape(target), label);
  return unescape(inner);
}

export function mention(id, world) {
  const mine = id === world.me || world.groupsOfMine.includes(id);
  return el("span", { class: mine ? "mention me" : "mention" }, world.nameOf(id));
}

export const link = (url, label) =>
  /^(https?|mailto):/.test(url)
    ? el("a", { href: url, target: "_blank", rel: "noreferrer", title: url }, label || url)
    : document.createTextNode(label || url);

export function date(target, fallback, world) {
  const [, stamp, pattern] = target.split("^");
  const when = new Date(Number(stamp) * 1000);
  if (Number.isNaN(when.getTime())) return fallback;
  const words = pattern.replace(/\{(\w+)\}/g, (all, token) => dateToken(token, when, world) ?? all);
  return el("time", { datetime: when.toISOString(), title: full(when, world.zone) }, words);
}

const format = (when, zone, options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(when);
export const clock = (when, zone) => format(when, zone, { hour: "2-digit", minute: "2-digit" });
export const full = (when, zone) =>
  format(when, zone, { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

function dateToken(token, when, { zone }) {
  const day = (moment) => format(moment, zone, { year: "numeric", month: "2-digit", day: "2-digit" });
  const near = { [day(Date.now())]: "today", [day(Date.now() - 864e5)]: "yesterday", [day(Date.now() + 864e5)]: "tomorrow" };
  switch (token) {
    case "date_num": return day(when).split("/").reverse().join("-");
    case "date": return format(when, zone, { day: "numeric", month: "long", year: "numeric" });
    case "date_short": return format(when, zone, { day: "numeric", month: "short", year: "numeric" });
    case "date_long": return format(when, zone, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
    case "date_pretty": case "date_short_pretty": case "date_long_pretty":
      return near[day(when)] || dateToken(token.replace("_pretty", ""), when, { zone });
    case "time": return clock(when, zone);
    case "time_secs": return format(when, zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    case "ago": return ago((Date.now() - when) / 1000);
    default: return null;
  }
}

function ago(seconds) {
  const size = Math.abs(seconds);
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].find(([, l]) => size >= l) || ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "always" }).format(-Math.sign(seconds) * Math.floor(size / length), unit);
}
