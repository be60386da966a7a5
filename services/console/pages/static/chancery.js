// What a page does beyond being read: sends forms to the API, keeps its parts current, tells times as they pass.
"use strict";

const csrf = document.querySelector("meta[name=csrf]").content;

function say(text, stays) {
  const place = document.getElementById("said");
  if (place.textContent !== text) place.textContent = text;
  clearTimeout(say.later);
  say.stays = stays;
  if (!stays) say.later = setTimeout(() => { place.textContent = ""; }, 6000);
}

// Forms: <form data-api="PATCH /v1/feeds/{id}" data-then="..." data-confirm="..." data-body="media/type">. What follows the answer:
// reload, go:/feeds/{feed_id}, show (data-tell names the field), explain, save, or ask: a dry run first, its words, and then
// the deed. A button with a data-api of its own does that instead.

function valueOf(field) {
  if (field.type === "checkbox") return field.checked;
  if (field.dataset.type === "list") return field.value.split(",").map((each) => each.trim()).filter(Boolean);
  if (field.dataset.type === "json") return JSON.parse(field.value);
  if (field.type === "number") return Number(field.value);
  if (field.type === "datetime-local") return new Date(field.value).toISOString();
  return field.value;
}

function bodyOf(form) {
  const fields = [...form.elements].filter((field) => field.name && !field.disabled);
  if (form.dataset.body) return fields[0].files ? fields[0].files[0] : fields[0].value;
  const body = {};
  for (const field of fields) {
    if (field.value === "") continue;
    const path = field.name.split(".");  // filter.host_states is a field of a field
    const last = path.pop();
    const inside = path.reduce((outer, name) => (outer[name] ??= {}), body);
    inside[last] = field.multiple ? [...field.selectedOptions].map((option) => option.value) : valueOf(field);
  }
  return body;
}

async function problemIn(answer) {
  const problem = await answer.json().catch(() => ({ title: answer.statusText, status: answer.status }));
  const faults = (problem.errors ?? []).map((fault) => `${fault.at}: ${fault.message}`);
  return [problem.detail ?? problem.title, ...faults].join("\n");
}

async function send(form, api, more) {
  const [method, place] = api.split(" ");
  const options = { method, headers: { "X-CSRF-Token": csrf, Accept: "application/json" } };
  if (method !== "GET" && method !== "DELETE") {
    const body = bodyOf(form);
    options.body = form.dataset.body ? body : JSON.stringify({ ...body, ...more });
    options.headers["Content-Type"] = form.dataset.body ?? "application/json";
  }
  const answer = await fetch(place, options);
  if (answer.status === 401) { location.reload(); return null; }
  if (!answer.ok) throw new Error(await problemIn(answer));
  if (answer.headers.has("Content-Disposition")) return answer;
  return answer.status === 204 ? {} : await answer.json();
}

async function save(answer) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = answer.headers.get("Content-Disposition").match(/filename="([^"]+)"/)[1];
  link.click();
  URL.revokeObjectURL(link.href);
}

function element(name, text, ...inside) {
  const made = document.createElement(name);
  made.append(text, ...inside);
  return made;
}

// An article with the words that reports rest on marked; spans count code points.
function marked(told) {
  const letters = Array.from(told.title ? `${told.title}\n${told.text}` : told.text);
  const fields = letters.map(() => new Set());
  for (const report of told.reports) {
    for (const [field, spans] of Object.entries(report.evidence)) {
      for (const span of spans) for (let at = span.start; at < span.end; at += 1) fields[at]?.add(field);
    }
  }
  const story = element("article", "");
  story.className = "story";
  story.dir = "auto";
  story.lang = told.language;
  for (let from = 0, to = 0; from < letters.length; from = to) {
    const names = [...fields[from]].join(", ");
    while (to < letters.length && [...fields[to]].join(", ") === names) to += 1;
    const run = letters.slice(from, to).join("");
    const piece = names ? element("mark", run) : run;
    if (names) piece.title = names.replaceAll("_", " ");
    story.append(piece);
  }
  return story;
}

function reported(report) {
  const words = (value) => String(value ?? "not known").replaceAll("_", " ");
  const site = report.site ?? {};
  const place = [site.kind, site.sending_state && `of ${site.sending_state}`, site.area, site.city, site.host_state].filter(Boolean).map(words).join(", ");
  const head = element("h3", `${words(report.type)}: ${report.alertable ? "an alert" : "no alert"}`);
  const line = `${words(report.standing)}, ${words(report.outcome)}, ${words(report.relation)}; ${place || "place not known"}; ${report.date ?? "date not known"}; severity ${report.severity}, certainty ${report.certainty}`;
  return element("div", head, element("p", line), gates(report.guards));
}

function gates(all) {
  return element("ul", "", ...all.map((gate) => element("li", `${gate.name.replaceAll("_", " ")}: ${gate.reason}`)));
}

function explain(told) {
  const place = document.getElementById("explained");
  const stopped = told.stopped_because ? [element("p", `Reading ended early: ${told.stopped_because}.`)] : [];
  const rejected = told.rejected.map((each) => element("div", element("h3", `\u201c${each.quote}\u201d`), gates(each.gates)));
  place.replaceChildren(
    element("h2", `Read as ${told.language}: ${told.reports.length} reported, ${told.rejected.length} left out`), ...stopped,
    ...told.reports.map(reported), ...(rejected.length ? [element("h2", "Left out"), ...rejected] : []),
    element("h2", "The text"), marked(told),
  );
}

function show(form, text, wrong) {
  const place = form.querySelector("output");
  place.className = wrong ? "wrong" : "";
  place.setAttribute("role", wrong ? "alert" : "status");
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
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
  const { api, then = "reload" } = button?.dataset.api ? button.dataset : form.dataset;
  try {
    let told = await send(form, api, then === "ask" ? { dry_run: true } : {});
    if (told === null) return;
    if (then === "ask") {
      show(form, told.words, false);
      if (!confirm(`${told.words}\n\nDo it?`)) return;
      told = await send(form, api, "effect" in told ? { dry_run: false, effect: told.effect } : { dry_run: false });
      show(form, `Done: ${told.words}`, false);
      await refresh();
    } else if (then === "show") {
      show(form, told[form.dataset.tell] ?? JSON.stringify(told, null, 2), false);
    } else if (then === "explain") {
      explain(told);
    } else if (then === "save") {
      await save(told);
    } else if (then === "reload") {
      await renew(form);
    } else if (then.startsWith("go:")) {
      location.assign(then.slice(3).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(told[name])));
    }
  } catch (error) {
    show(form, error.message, true);
  } finally {
    if (button) button.disabled = false;
  }
}

// Parts: [data-part] with an id is replaced by what the same page says now; data-every is in seconds.

async function current() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) throw new Error("you are signed out");
    if (!answer.ok) throw new Error(`the console answers ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    current.at = new Date();
    if (say.stays) say("Current again");
    return page;
  } catch (error) {
    const reason = error instanceof TypeError ? "the console does not answer" : error.message;
    say(`Not kept current: ${reason}. This is how it was at ${current.at.toLocaleTimeString()}.`, true);
    return null;
  }
}
current.at = new Date();

// All of it, after a change; the form that made the change has the focus again.
async function renew(form) {
  const now = await current();
  if (!now) return;
  document.getElementById("main").replaceChildren(...now.getElementById("main").childNodes);
  const again = [...document.querySelectorAll("form[data-api]")].find((each) => each.dataset.api === form.dataset.api);
  (again?.querySelector("button") ?? document.getElementById("main")).focus();
  tellState();
  say("Done");
}

// One at a time: an older answer never comes after a newer one.
function refresh() {
  refresh.asked = true;
  refresh.running ??= (async () => {
    while (refresh.asked) {
      refresh.asked = false;
      replaceParts(await current());
    }
  })().finally(() => { refresh.running = null; });
  return refresh.running;
}

function replaceParts(now) {
  if (!now) return;
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = now.getElementById(part.id);
    if (!next || part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) continue;
    const known = new Set([...part.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const open = new Set([...part.querySelectorAll("details[open][id]")].map((each) => each.id));
    part.replaceChildren(...next.childNodes);
    const fresh = [...part.querySelectorAll("[data-key]")].filter((row) => !known.has(row.dataset.key));
    for (const row of fresh) row.classList.add("fresh");
    if (fresh.length) say(`${fresh.length} new or changed: ${fresh[0].querySelector("th")?.textContent.trim() ?? ""}`);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  }
  tellState();
}

function soon() {
  clearTimeout(soon.later);
  soon.later = setTimeout(() => refresh(), 250 + Math.random() * 250);
}

// Streams: [data-stream] is the address of server-sent events, of which data-events bring the parts up to date. A page that
// nobody sees lets go of its stream: browsers open few connections to one place, for all its pages together.

function listen(address, events, again) {
  const source = new EventSource(address);
  listen.source = source;
  for (const name of events) source.addEventListener(name, soon);
  source.addEventListener("open", () => { listen.state = ["live", "badge ok"]; tellState(); if (again) soon(); });
  source.addEventListener("error", () => {
    listen.state = ["not connected, trying again", "badge failing"];
    tellState();
    // Browsers come back by themselves after a break, not after a refusal.
    if (source.readyState === EventSource.CLOSED) listen.later = setTimeout(() => listen(address, events, true), 5000);
  });
}

function unseen(address, events) {
  clearTimeout(listen.hiding);
  if (!document.hidden) {
    if (!listen.source) listen(address, events, true);
    return;
  }
  listen.hiding = setTimeout(() => {
    clearTimeout(listen.later);
    listen.source.close();
    listen.source = null;
    listen.state = ["paused while nobody looks", "badge paused"];
    tellState();
  }, 10000);
}

function tellState() {
  for (const place of listen.state ? document.querySelectorAll("[data-stream]") : []) {
    [place.textContent, place.className] = listen.state;
  }
}

function spanOf(seconds) {
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([each]) => seconds >= each) ?? [1, "s"];
  return `${Math.round(seconds / size)} ${unit}`;
}

function tellTimes() {
  for (const each of document.querySelectorAll("time[datetime]")) {
    const ago = (Date.now() - new Date(each.dateTime)) / 1000;
    if (ago >= 5184000) continue;  // its day stands there
    each.textContent = ago >= 0 ? `${spanOf(ago)} ago` : `in ${spanOf(-ago)}`;
  }
}

document.addEventListener("submit", submitted);
const stream = document.querySelector("[data-stream]");
if (stream) {
  const { stream: address, events } = stream.dataset;
  stream.textContent = "connecting";
  listen(address, events.split(" "));
  document.addEventListener("visibilitychange", () => unseen(address, events.split(" ")));
}
const everySeconds = [...document.querySelectorAll("[data-every]")].map((part) => Number(part.dataset.every));
if (everySeconds.length) setInterval(() => { if (!document.hidden) refresh(); }, Math.min(...everySeconds) * 1000);
setInterval(tellTimes, 10000);

// A link that brings its own one-time token: it stands after the #, which no server and no log ever sees.
const entering = document.getElementById("login");
if (entering && location.hash.length > 1) {
  entering.elements.token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
  entering.submit();
}
