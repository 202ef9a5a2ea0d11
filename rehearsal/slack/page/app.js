// The page: looks at the world whenever it changes, shows it, and passes on what the acting person does.
import { ask, byId, el, reconcile, tell } from "./dom.js";
import { avatar, message } from "./messages.js";
import { blocks } from "./blocks.js";
import { entered } from "./controls.js";
import { showModal } from "./dialogs.js";

const HOME = "home";
const ANA = "U0ANA0001";
const asked = new URLSearchParams(location.search);
const at = { as: asked.get("as") || ANA, place: asked.get("channel"), thread: asked.get("thread") || null, sought: asked.get("message") };
const drafts = new Map();
let world = null;

const url = (changes) => {
  const next = { as: at.as, channel: at.place, thread: at.thread, ...changes };
  return "?" + new URLSearchParams(Object.entries(next).filter(([, value]) => value));
};

async function look() {
  const response = await fetch(`admin/state?as=${encodeURIComponent(at.as)}`);
  if (!response.ok) { tell((await response.json()).error); return; }
  world = understood(await response.json());
  at.place ||= world.channels.find((one) => one.name === "deploys")?.id || world.channels[0].id;
  show();
  const draft = sessionStorage.getItem("draft");
  if (draft) { sessionStorage.removeItem("draft"); write(draft); }
}

function understood(seen) {
  const names = new Map([
    ...seen.people.map((one) => [one.id, `@${one.name}`]),
    ...seen.groups.map((one) => [one.id, `@${one.handle}`]),
    ...seen.channels.map((one) => [one.id, `#${one.name}`]),
  ]);
  const me = seen.people.find((one) => one.id === seen.me);
  return {
    ...seen, zone: me.tz, self: me, canAct: !me.deactivated,
    nameOf: (id) => names.get(id) || id,
    personOf: (id) => seen.people.find((one) => one.id === id) || { id, real_name: id, bot: false },
    groupsOfMine: seen.groups.filter((one) => one.members.includes(me.id)).map((one) => one.id),
  };
}

async function deed(name, given, { quiet = false } = {}) {
  const answer = await ask("admin/act", { as: at.as, deed: name, ...given });
  if (!answer.ok && answer.error && !quiet) tell(answer.error);
  return answer;
}

function show() {
  const channel = world.channels.find((one) => one.id === at.place);
  side();
  head(channel);
  home();
  conversation(channel);
  thread(channel);
  composer(channel);
  troubles();
  showModal(world.modals, world, deed);
  const calls = world.people.find((one) => one.id === at.as).badge;
  document.title = `${calls ? `(${calls}) ` : ""}${channel ? nameOf(channel) : "Stagedoor"} · ${world.self.real_name} · Rehearsal`;
}

const nameOf = (channel) => (channel.direct ? "Messages with Stagedoor" : `#${channel.name}`);
const badge = (count) => (count ? el("span", { class: "badge", "aria-label": `${count} mentions` }, String(count)) : null);

function side() {
  const place = (item, label) => el("li", {}, el("a", {
    href: url({ channel: item.id, thread: null }), "aria-current": item.current ? "page" : null, "data-focus": item.id,
    onclick: (event) => { if (!event.metaKey && !event.ctrlKey) { event.preventDefault(); go(item.id); } },
  }, label, badge(item.badge)));
  const short = ({ id, name, direct, badge, archived }) => ({ id, name, direct, badge, archived, current: id === at.place, as: at.as });
  const channels = world.channels.map(short);
  reconcile(byId("channels"), channels.filter((one) => !one.direct), (one) => one.id, (one) =>
    place(one, [el("span", { class: "hash", "aria-hidden": "true" }, "#"), one.name, one.archived ? " (archived)" : ""]));
  const app = [{ id: HOME, current: at.place === HOME, as: at.as, words: "Home" },
    ...channels.filter((one) => one.direct).map((one) => ({ ...one, words: "Messages" }))];
  reconcile(byId("app-places"), app, (one) => one.id, (one) => place(one, one.words));
  const cast = world.people.filter((one) => !one.bot).map((one) => ({ ...one, current: one.id === at.as, place: at.place }));
  reconcile(byId("people"), cast, (one) => one.id, (one) => el("li", {}, el("a", {
    href: url({ as: one.id, thread: null, channel: world.channels.find((c) => c.id === at.place)?.direct ? null : at.place }),
    "aria-current": one.current ? "true" : null, "data-focus": one.id, class: one.deactivated ? "gone" : "",
  }, avatar(one), el("span", { class: "who" }, el("span", {}, one.real_name), el("small", {}, about(one))), badge(one.badge))));
}

// Each person reads times in their own zone; without its name, ten o'clock here and four there would look like a fault.
const about = (one) => one.deactivated ? one.about : `${one.about} · ${one.tz.split("/").at(-1).replaceAll("_", " ")}`;

function head(channel) {
  const title = at.place === HOME ? "Stagedoor · Home" : channel ? nameOf(channel) : "Nothing here";
  if (byId("place-name").textContent !== title) byId("place-name").textContent = title;
  const bookmarks = (channel?.bookmarks || []).map((one) => `🔖 ${one.title}`);
  byId("place-topic").textContent = [channel?.topic, ...bookmarks].filter(Boolean).join(" · ");
}

function go(place) {
  at.place = place;
  at.thread = at.sought = null;
  history.pushState({}, "", url({}));
  if (place === HOME) deed("home", {});
  show();
  byId("place-name").focus({ preventScroll: true });
}

function conversation(channel) {
  const list = byId("messages");
  list.hidden = at.place === HOME;
  if (at.place === HOME || !channel) { byId("empty").hidden = true; return; }
  const fresh = list.dataset.place !== at.place + at.as;
  const scroll = byId("scroll");
  const atEnd = fresh || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  if (fresh) list.replaceChildren();
  list.dataset.place = at.place + at.as;
  const answers = Map.groupBy(channel.messages.filter((one) => one.thread_ts), (one) => one.thread_ts);
  const items = channel.messages
    .filter((one) => !one.thread_ts || one.broadcast)
    .map((one) => ({ ...one, answers: { count: answers.get(one.ts)?.length || 0, last: answers.get(one.ts)?.at(-1)?.ts } }));
  byId("empty").hidden = items.length > 0;
  byId("empty").textContent = channel.direct ? "Nothing said yet. Write to Stagedoor below."
    : `This is the start of #${channel.name}. Type a command below.`;
  reconcile(list, items, (one) => one.ts, ({ answers: replies, ...one }) => message(one, world, deed, openThread, replies));
  if (at.sought) found();
  else if (atEnd) scroll.scrollTop = scroll.scrollHeight;
  if (document.visibilityState === "visible" && channel.badge) deed("read", { channel: channel.id, ts: channel.messages.at(-1).ts });
}

function found() {
  const node = byId(`m-${at.sought}`);
  at.sought = null;
  node?.scrollIntoView({ block: "center" });
  node?.classList.add("sought");
}

function openThread(one) {
  at.thread = one.thread_ts || one.ts;
  history.pushState({}, "", url({}));
  show();
  byId("thread-text").focus();
}

function closeThread() {
  const parent = at.thread;
  at.thread = null;
  history.pushState({}, "", url({}));
  show();
  (byId(`m-${parent}`)?.querySelector(".replies") || byId("composer-text")).focus({ preventScroll: true });
}

function thread(channel) {
  const parent = channel?.messages.find((one) => one.ts === at.thread);
  byId("thread").hidden = !parent;
  byId("frame").classList.toggle("with-thread", Boolean(parent));
  if (!parent) return;
  const list = byId("thread-messages");
  const fresh = list.dataset.place !== at.thread + at.as;
  if (fresh) list.replaceChildren();
  list.dataset.place = at.thread + at.as;
  const scroll = byId("thread-scroll");
  const atEnd = fresh || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  const items = [parent, ...channel.messages.filter((one) => one.thread_ts === at.thread)];
  reconcile(list, items, (one) => one.ts, (one) => message(one, world, deed, openThread, null));
  if (atEnd) scroll.scrollTop = scroll.scrollHeight;
  byId("thread-label").textContent = `Reply as ${world.self.real_name}`;
}

function home() {
  const node = byId("home");
  node.hidden = at.place !== HOME;
  if (node.hidden) return;
  const signature = JSON.stringify([at.as, world.home]);
  if (node.signature === signature) return;
  node.signature = signature;
  const act = (block, element, chosen) =>
    deed("use", { view: world.home.id, block_id: block.block_id, action_id: element.action_id, chosen, values: entered(node) });
  node.replaceChildren(...(world.home ? blocks(world.home.content.blocks, world, act) : [el("p", { class: "empty" }, "The app shows nothing here yet.")]));
}

function composer(channel) {
  const form = byId("composer");
  form.hidden = at.place === HOME;
  const text = byId("composer-text");
  const place = `${at.place}/${at.as}`;
  if (text.dataset.place !== place) {
    drafts.set(text.dataset.place, text.value);
    text.value = drafts.get(place) || "";
    text.dataset.place = place;
  }
  const closed = !world.canAct ? `${world.self.real_name} is deactivated and cannot write` : channel?.archived ? "This channel is archived" : "";
  text.disabled = Boolean(closed);
  byId("composer-label").textContent = closed || (channel ? `${channel.direct ? "Message Stagedoor" : `Message #${channel.name}`} as ${world.self.real_name}` : "");
  hints();
}

function hints() {
  const typed = byId("composer-text").value;
  const word = typed.split(/\s/, 1)[0];
  const fits = typed.startsWith("/") ? Object.entries(world.commands).filter(([name]) => name.startsWith(word)) : [];
  reconcile(byId("composer-hints"), fits.map(([name, usage]) => ({ name, usage })), (one) => one.name, ({ name, usage }) =>
    el("button", { type: "button", class: "hint-command", onclick: () => write(`${name} `) }, el("b", {}, name), ` ${usage}`));
}

function write(words) {
  const text = byId("composer-text");
  text.value = words;
  text.focus();
  hints();
}

function sends(form, text, more) {
  const send = async () => {
    const words = text.value.trim();
    if (!words) return;
    text.value = "";
    grow(text);
    hints();
    const answer = await deed("say", { channel: at.place, text: words, ...more() });
    if (!answer.ok && !text.value) text.value = words;
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  });
  text.addEventListener("input", () => { grow(text); hints(); });
}

const grow = (text) => { text.rows = Math.min(8, text.value.split("\n").length); };

const WEATHER = [
  ["Silent for 20 s", { kind: "silent", seconds: 20 }],
  ["Answers 2 s late", { kind: "slow", seconds: 2 }],
  ["Next 3 calls: too many requests", { kind: "too_many", times: 3, seconds: 2 }],
  ["Next 3 calls: server error", { kind: "failing", times: 3 }],
  ["Keep the next post, lose the answer", { kind: "lost_answer", times: 1 }],
];

function troubles() {
  const running = world.troubles.length;
  reconcile(byId("troubles"), [{ running }], () => "weather", () => el("div", {},
    WEATHER.map(([words, trouble]) => el("button", { type: "button", "data-focus": words, onclick: () => ask("admin/troubles", trouble) }, words)),
    el("button", { type: "button", "data-focus": "clear", class: "quiet", onclick: () => fetch("admin/troubles", { method: "DELETE" }) },
      running ? `End all (${running} under way)` : "All is well")));
}

sends(byId("composer"), byId("composer-text"), () => ({}));
sends(byId("thread-composer"), byId("thread-text"), () => ({ thread_ts: at.thread }));
byId("thread-close").addEventListener("click", closeThread);
byId("thread").addEventListener("keydown", (event) => { if (event.key === "Escape") closeThread(); });
byId("banner-try").addEventListener("click", () => {
  if (at.as === ANA && at.place !== HOME) { write("/migrate promote"); return; }
  sessionStorage.setItem("draft", "/migrate promote");
  location.search = new URLSearchParams({ as: ANA });
});
byId("banner-hide").addEventListener("click", () => { byId("banner").hidden = true; sessionStorage.setItem("banner", "hidden"); byId("composer-text").focus(); });
byId("banner").hidden = sessionStorage.getItem("banner") === "hidden";
window.addEventListener("popstate", () => {
  const now = new URLSearchParams(location.search);
  Object.assign(at, { place: now.get("channel"), thread: now.get("thread") });
  look();
});

// One look at a time; what changes meanwhile is seen by the next.
let looking = false, again = false;
async function changed() {
  if (looking) { again = true; return; }
  looking = true;
  do { again = false; await look().catch(() => tell("The rehearsal does not answer.")); } while (again);
  looking = false;
}
new EventSource("admin/changes").onmessage = changed;
document.addEventListener("visibilitychange", changed);
if (at.place === HOME) deed("home", {});
