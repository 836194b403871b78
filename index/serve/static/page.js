// Drop, paste, keys and copying. Everything else works without this file.
"use strict";

const form = document.getElementById("picture");
const drop = document.getElementById("drop");
const file = document.getElementById("file");
const words = document.getElementById("words");

function send(picture) {
  const held = new DataTransfer();
  held.items.add(picture);
  file.files = held.files;
  submit();
}

function submit() {
  // The filters go along, so that a picture is looked for among what is selected.
  for (const [name, value] of new FormData(words)) {
    if (!value || name === "picture" || name === "image") continue;
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name, value });
    form.append(input);
  }
  document.body.classList.add("busy");
  form.submit();
}

file.addEventListener("change", submit);
form.addEventListener("submit", () => document.body.classList.add("busy"));
for (const kind of ["dragenter", "dragover"])
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const kind of ["dragleave", "drop"])
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove("over"); });
document.addEventListener("drop", (event) => { if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]); });
document.addEventListener("paste", (event) => {
  const picture = [...event.clipboardData.files].find((f) => f.type.startsWith("image/"));
  if (picture) { event.preventDefault(); send(picture); }
});

document.addEventListener("htmx:configRequest", (event) => {
  for (const name of Object.keys(event.detail.parameters))
    if (!event.detail.parameters[name]) delete event.detail.parameters[name];
});
document.addEventListener("htmx:afterOnLoad", (event) => {
  // The address of what is shown, so that it can be kept and sent to somebody.
  const asked = new URL(event.detail.xhr.responseURL);
  history.pushState({}, "", "/" + asked.search);
});
window.addEventListener("popstate", () => location.reload());

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".copy");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.credit);
  button.textContent = "Copied";
});

const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 0, ArrowUp: 0 };
function columns(cards) {
  const top = cards[0].getBoundingClientRect().top;
  return cards.filter((card) => card.getBoundingClientRect().top === top).length;
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing) { event.preventDefault(); document.getElementById("q").focus(); return; }
  if (typing) return;
  const cards = [...document.querySelectorAll(".grid article")];
  const at = cards.indexOf(document.activeElement.closest("article"));
  if (event.key in STEPS && cards.length) {
    event.preventDefault();
    const step = STEPS[event.key] || (event.key === "ArrowDown" ? 1 : -1) * columns(cards);
    const next = at < 0 ? 0 : Math.min(cards.length - 1, Math.max(0, at + step));
    cards[next].focus();
  } else if (at >= 0 && event.key === "m") cards[at].querySelector(".more").click();
  else if (at >= 0 && event.key === "c") cards[at].querySelector(".copy").click();
});
