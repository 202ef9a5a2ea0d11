// Making elements. Text only ever becomes text nodes; nothing on this page is parsed as HTML.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

// Brings a list up to date and leaves alone what did not change, so that focus and half-written input survive.
export function reconcile(container, items, keyOf, build) {
  const before = new Map([...container.children].map((node) => [node.dataset.key, node]));
  const focused = document.activeElement?.dataset?.focus;
  const focusWithin = container.contains(document.activeElement) ? document.activeElement.closest("[data-key]") : null;
  let place = null;
  for (const item of items) {
    const key = keyOf(item);
    const signature = JSON.stringify(item);
    let node = before.get(key);
    before.delete(key);
    if (!node || node.signature !== signature) {
      const fresh = build(item);
      fresh.dataset.key = key;
      fresh.signature = signature;
      if (node) node.replaceWith(fresh);
      node = fresh;
    }
    const expected = place ? place.nextElementSibling : container.firstElementChild;
    if (expected !== node) container.insertBefore(node, expected);
    place = node;
  }
  for (const gone of before.values()) gone.remove();
  if (focusWithin && !container.contains(document.activeElement)) refocus(container, focusWithin.dataset.key, focused);
}

function refocus(container, key, focused) {
  const node = [...container.children].find((one) => one.dataset.key === key);
  const same = focused && node && [...node.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focused);
  if (same) same.focus({ preventScroll: true });
  else if (node) node.focus({ preventScroll: true });
}

export async function ask(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

let fading;
export function tell(words) {
  const status = byId("status");
  status.textContent = words;
  status.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => (status.hidden = true), 8000);
}
