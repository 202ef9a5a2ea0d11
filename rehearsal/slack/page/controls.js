// Buttons, menus and inputs. Each input node answers `read()` with what the server should take as chosen.
import { el } from "./dom.js";
import { words } from "./blocks.js";
import { confirmed } from "./dialogs.js";

let numbers = 0;

export function control(block, element, world, act) {
  if (element.type === "image") return el("img", { class: "thumb", src: element.image_url, alt: element.alt_text || "" });
  if (element.type === "button") return button(block, element, world, act);
  if (element.type === "overflow") return overflow(block, element, world, act);
  const asked = block.type === "input";
  const id = `control-${++numbers}`;
  const key = `${block.block_id}/${element.action_id}`;
  const label = asked ? block.label.text : element.placeholder?.text || block.text?.text || element.action_id;
  const error = world.errors?.[block.block_id];
  const made = (MAKERS[element.type] || line)({ id, element, label, given: world.typed?.[key], world, error });
  made.field.dataset.control = key;
  made.field.read = made.read;
  for (const one of [made.field, ...made.field.querySelectorAll("input,select,textarea")]) one.dataset.focus = key;
  if (act) made.field.addEventListener("change", () => send(element, made.read(), (chosen) => act(block, element, chosen), world));
  if (!asked) return made.field;
  const notes = [
    block.hint ? el("p", { class: "hint", id: `${id}-hint` }, block.hint.text) : null,
    error ? el("p", { class: "field-error", id: `${id}-error` }, error) : null,
  ];
  const title = [block.label.text, block.optional ? el("span", { class: "optional" }, " (optional)") : null];
  return made.group
    ? el("fieldset", { class: "input" }, el("legend", {}, title), made.field, notes)
    : el("div", { class: "input" }, el("label", { for: id }, title), made.field, notes);
}

async function send(element, chosen, act, world) {
  if (element.confirm && !(await confirmed(element.confirm, world))) return;
  act(chosen);
}

function button(block, element, world, act) {
  return el("button", {
    type: "button",
    class: element.style || "",
    "data-focus": `${element.action_id}/${element.text.text}`,
    "aria-label": element.accessibility_label,
    onclick: () => {
      if (element.url) window.open(element.url, "_blank", "noreferrer");
      send(element, null, (chosen) => act(block, element, chosen), world);
    },
  }, element.text.text);
}

function overflow(block, element, world, act) {
  const menu = el("div", { class: "menu", role: "menu", hidden: true });
  const opener = el("button", {
    type: "button", class: "more", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "More actions",
    "data-focus": element.action_id, onclick: () => show(menu.hidden),
  }, "⋯");
  const show = (open) => {
    menu.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) menu.scrollIntoView({ block: "nearest" });
    (open ? menu.firstElementChild : opener).focus();
  };
  for (const option of element.options) {
    menu.append(el("button", {
      type: "button", role: "menuitem",
      onclick: () => { show(false); send(element, option.value, (chosen) => act(block, element, chosen), world); },
    }, words(option.text, world)));
  }
  const whole = el("span", { class: "overflow" }, opener, menu);
  whole.addEventListener("keydown", (event) => {
    if (menu.hidden) return;
    const items = [...menu.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    else if (event.key === "Escape") show(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  whole.addEventListener("focusout", (event) => {
    if (!whole.contains(event.relatedTarget) && !menu.hidden) { menu.hidden = true; opener.setAttribute("aria-expanded", "false"); }
  });
  return whole;
}

const aria = ({ id, label, error }) => ({
  id, "aria-label": label, "aria-invalid": error ? "true" : null,
  "aria-describedby": error ? `${id}-error` : null,
});

function line(asked) {
  const { element, given } = asked;
  const kind = { number_input: "number", email_text_input: "email", url_text_input: "url", datepicker: "date", timepicker: "time" }[element.type] || "text";
  const field = el(element.multiline ? "textarea" : "input", {
    ...aria(asked), type: element.multiline ? null : kind, rows: element.multiline ? 4 : null,
    placeholder: element.placeholder?.text, maxlength: element.max_length, step: element.is_decimal_allowed ? "any" : null,
    autofocus: element.focus_on_load,
    value: given ?? element.initial_value ?? element.initial_date ?? element.initial_time ?? "",
  });
  return { field, read: () => field.value || null };
}

function moment(asked) {
  const { element, given } = asked;
  const stamp = given ?? element.initial_date_time;
  const local = (seconds) => new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  const field = el("input", { ...aria(asked), type: "datetime-local", value: stamp ? local(stamp) : "" });
  return { field, read: () => (field.value ? Math.floor(new Date(field.value) / 1000) : null) };
}

function select(asked, options, chosen) {
  const { element } = asked;
  const field = el("select", aria(asked), el("option", { value: "" }, element.placeholder?.text || "Choose"),
    options.map(({ value, text, group }) => el("option", { value, selected: value === chosen }, group ? `${group}: ${text}` : text)));
  return { field, read: () => field.value || null };
}

const choices = (element) => [
  ...(element.options || []).map((one) => ({ value: one.value, text: one.text.text, description: one.description?.text })),
  ...(element.option_groups || []).flatMap((group) => group.options.map((one) => ({ value: one.value, text: one.text.text, group: group.label.text }))),
];

function boxes(asked, type, options, chosen) {
  const name = `${asked.id}-box`;
  const inputs = options.map(({ value, text, description }) => {
    const input = el("input", { type, name, value, checked: chosen.includes(value) });
    return [input, el("label", {}, input, el("span", {}, text, description ? el("small", {}, description) : null))];
  });
  const field = el("div", { id: asked.id, class: "boxes", role: "group", "aria-label": asked.label }, inputs.map(([, label]) => label));
  const read = () => inputs.filter(([input]) => input.checked).map(([input]) => input.value);
  return { field, group: true, read: type === "radio" ? () => read()[0] ?? null : read };
}

const people = (world) => world.people.filter((one) => !one.bot).map((one) => ({ value: one.id, text: one.real_name }));
const channels = (world) => world.channels.filter((one) => !one.direct).map((one) => ({ value: one.id, text: `#${one.name}` }));
const initial = (asked) => asked.given ?? asked.element.initial_option?.value;
const initials = (asked) => asked.given ?? (asked.element.initial_options || []).map((one) => one.value);

const MAKERS = {
  static_select: (asked) => select(asked, choices(asked.element), initial(asked)),
  multi_static_select: (asked) => boxes(asked, "checkbox", choices(asked.element), initials(asked)),
  checkboxes: (asked) => boxes(asked, "checkbox", choices(asked.element), initials(asked)),
  radio_buttons: (asked) => boxes(asked, "radio", choices(asked.element), [initial(asked)]),
  users_select: (asked) => select(asked, people(asked.world), asked.given ?? asked.element.initial_user),
  multi_users_select: (asked) => boxes(asked, "checkbox", people(asked.world), asked.given ?? asked.element.initial_users ?? []),
  channels_select: (asked) => select(asked, channels(asked.world), asked.given ?? asked.element.initial_channel),
  conversations_select: (asked) => select(asked, channels(asked.world), asked.given ?? asked.element.initial_conversation),
  datetimepicker: moment,
};

// Everything entered inside `node`, as the server takes it.
export function entered(node) {
  return Object.fromEntries([...node.querySelectorAll("[data-control]")].map((one) => [one.dataset.control, one.read()]));
}
