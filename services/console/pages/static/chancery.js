// What a page does beyond being read: sends forms to the API, keeps its parts current, tells times as they pass.
"use strict";

const csrf = document.querySelector("meta[name=csrf]").content;

function say(text) {
  const place = document.getElementById("said");
  place.textContent = text;
  clearTimeout(say.later);
  say.later = setTimeout(() => { place.textContent = ""; }, 6000);
}

// Forms: <form data-api="PATCH /v1/feeds/{id}" data-then="reload|show|go:/feeds/{feed_id}" data-confirm="..." data-body="media/type">

function valueOf(field) {
  if (field.type === "checkbox") return field.checked;
  if (field.dataset.type === "list") return field.value.split(/[\s,]+/).filter(Boolean);
  if (field.dataset.type === "json") return JSON.parse(field.value);
  if (field.type === "number") return Number(field.value);
  return field.value;
}

function bodyOf(form) {
  const fields = [...form.elements].filter((field) => field.name && !field.disabled);
  if (form.dataset.body) return fields[0].files ? fields[0].files[0] : fields[0].value;
  const body = {};
  for (const field of fields) {
    if (field.type === "radio" ? !field.checked : field.value === "" && !("keep" in field.dataset)) continue;
    if (field.type === "checkbox" && "list" in field.dataset) {
      if (field.checked) (body[field.name] ??= []).push(field.value);
    } else if (field.multiple) {
      body[field.name] = [...field.selectedOptions].map((option) => option.value);
    } else {
      body[field.name] = valueOf(field);
    }
  }
  return JSON.stringify(body);
}

async function problemIn(answer) {
  const problem = await answer.json().catch(() => ({ title: answer.statusText, status: answer.status }));
  const faults = (problem.errors ?? []).map((fault) => `${fault.at}: ${fault.message}`);
  return [problem.detail ?? problem.title, ...faults].join("\n");
}

async function send(form) {
  const [method, place] = form.dataset.api.split(" ");
  const options = { method, headers: { "X-CSRF-Token": csrf, Accept: "application/json" } };
  if (method !== "GET" && method !== "DELETE") {
    options.body = bodyOf(form);
    options.headers["Content-Type"] = form.dataset.body ?? "application/json";
  }
  const answer = await fetch(place, options);
  if (answer.status === 401) { location.reload(); return null; }
  if (!answer.ok) throw new Error(await problemIn(answer));
  return answer.status === 204 ? {} : await answer.json();
}

function show(form, text, wrong) {
  const place = form.querySelector("output");
  place.className = wrong ? "wrong" : "";
  place.setAttribute("role", wrong ? "alert" : "status");
  const pre = document.createElement("pre");
  pre.textContent = text;
  place.replaceChildren(pre);
}

async function submitted(event) {
  const form = event.target;
  if (!form.dataset.api) return;
  event.preventDefault();
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
  const button = event.submitter ?? form.querySelector("button");
  if (button) button.disabled = true;
  try {
    const told = await send(form);
    if (told === null) return;
    const then = form.dataset.then ?? "reload";
    form.dispatchEvent(new CustomEvent("answered", { detail: told, bubbles: true }));
    if (then === "show") show(form, JSON.stringify(told, null, 2), false);
    else if (then === "reload") await refresh(true);
    else if (then.startsWith("go:")) location.assign(then.slice(3).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(told[name])));
    if (form.dataset.said) say(form.dataset.said);
  } catch (error) {
    show(form, error.message, true);
  } finally {
    if (button) button.disabled = false;
  }
}

// Parts: [data-part] with an id is replaced by what the same page says now; data-every is in seconds.

async function refresh(all) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected || !answer.ok) return;
  const now = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (all) {
    document.getElementById("main").replaceChildren(...now.getElementById("main").childNodes);
    return;
  }
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = now.getElementById(part.id);
    if (!next || part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) continue;
    const known = new Set([...part.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const open = new Set([...part.querySelectorAll("details[open][id]")].map((each) => each.id));
    part.replaceChildren(...next.childNodes);
    for (const row of part.querySelectorAll("[data-key]")) if (!known.has(row.dataset.key)) row.classList.add("fresh");
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

function soon() {
  clearTimeout(soon.later);
  soon.later = setTimeout(() => refresh(false), 250 + Math.random() * 250);
}

// Streams: [data-stream] is the address of server-sent events; each one says something and brings the parts up to date.

function listen(place) {
  const source = new EventSource(place.dataset.stream);
  const told = (event) => {
    if (place.dataset.say && event.data) say(place.dataset.say);
    soon();
  };
  for (const name of (place.dataset.events ?? "message").split(" ")) source.addEventListener(name, told);
  source.addEventListener("open", () => { place.textContent = "live"; place.className = "badge ok"; });
  source.addEventListener("error", () => { place.textContent = "not connected, trying again"; place.className = "badge failing"; });
}

function spanOf(seconds) {
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([each]) => seconds >= each) ?? [1, "s"];
  return `${Math.round(seconds / size)} ${unit}`;
}

function tellTimes() {
  for (const each of document.querySelectorAll("time[datetime]")) {
    const ago = (Date.now() - new Date(each.dateTime)) / 1000;
    each.textContent = ago >= 0 ? `${spanOf(ago)} ago` : `in ${spanOf(-ago)}`;
  }
}

document.addEventListener("submit", submitted);
document.querySelectorAll("[data-stream]").forEach(listen);
for (const part of document.querySelectorAll("[data-every]")) {
  setInterval(() => { if (!document.hidden) refresh(false); }, part.dataset.every * 1000);
}
setInterval(tellTimes, 10000);

// A link that brings its own one-time token: it stands after the #, which no server and no log ever sees.
const entering = document.getElementById("login");
if (entering && location.hash.length > 1) {
  entering.elements.token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
  entering.submit();
}
