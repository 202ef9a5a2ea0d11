// Modals and confirm dialogs, on the browser's own <dialog>, which keeps focus inside and gives it back.
import { byId, el, tell } from "./dom.js";
import { blocks, words } from "./blocks.js";
import { entered } from "./controls.js";

export function confirmed(confirm, world) {
  const dialog = byId("confirm");
  return new Promise((resolve) => {
    const end = (answer) => { dialog.oncancel = null; dialog.close(); resolve(answer); };
    dialog.oncancel = (event) => { event.preventDefault(); end(false); };
    dialog.replaceChildren(
      el("header", {}, el("h2", { id: "confirm-title" }, confirm.title.text)),
      el("div", { class: "modal-body" }, el("div", {}, words(confirm.text, world))),
      el("footer", {},
        el("button", { type: "button", onclick: () => end(false) }, confirm.deny.text),
        el("button", { type: "button", class: confirm.style || "primary", onclick: () => end(true), autofocus: true }, confirm.confirm.text)));
    dialog.showModal();
  });
}

let shown = { id: null, signature: null };

// Shows the top view of the pile, or none.
export function showModal(views, world, deed) {
  const dialog = byId("modal");
  const view = views.at(-1);
  if (!view) {
    if (dialog.open) dialog.close();
    shown = { id: null, signature: null };
    return;
  }
  const signature = JSON.stringify([view.id, view.hash, view.errors]);
  if (signature === shown.signature && dialog.open) return;
  const kept = shown.id === view.id ? entered(dialog) : {};
  const focused = shown.id === view.id ? document.activeElement?.dataset?.focus : null;
  shown = { id: view.id, signature };
  fill(dialog, view, views.length, { ...world, typed: { ...view.typed, ...kept }, errors: view.errors }, deed);
  if (!dialog.open) dialog.showModal();
  const invalid = dialog.querySelector("[aria-invalid]");
  const same = focused && [...dialog.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focused);
  (invalid || same || dialog.querySelector(".modal-body input, .modal-body textarea, .modal-body select, footer button"))?.focus();
}

function fill(dialog, view, depth, world, deed) {
  const { content } = view;
  const close = () => deed("close", { view: view.id });
  const act = (block, element, chosen) =>
    deed("use", { view: view.id, block_id: block.block_id, action_id: element.action_id, chosen, values: entered(dialog) });
  const form = el("form", {
    class: "modal-form", novalidate: true,
    onsubmit: async (event) => {
      event.preventDefault();
      if (!content.submit) return;
      const send = form.querySelector("footer .primary");
      send.disabled = true;
      const answer = await deed("submit", { view: view.id, values: entered(dialog) }, { quiet: true });
      send.disabled = false;
      // errors beside fields come with the next look at the world
      if (answer.error && !answer.error.startsWith("Slack keeps")) tell(answer.error);
    },
  },
    el("header", {}, el("h2", { id: "modal-title" }, content.title.text),
      el("button", { type: "button", class: "quiet", "aria-label": depth > 1 ? "Back" : "Close", onclick: close }, depth > 1 ? "←" : "✕")),
    el("div", { class: "modal-body" },
      view.errors[""] ? el("p", { class: "field-error", role: "alert" }, view.errors[""]) : null,
      blocks(content.blocks, world, act)),
    el("footer", {},
      el("button", { type: "button", onclick: close }, content.close?.text || (depth > 1 ? "Back" : "Close")),
      content.submit ? el("button", { type: "submit", class: "primary" }, content.submit.text) : null));
  dialog.oncancel = (event) => { event.preventDefault(); close(); };
  dialog.replaceChildren(form);
}
