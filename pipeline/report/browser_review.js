// The review pane: a queue, a verdict per record, kept in this browser until it is exported.

const FIELDS = ["question", "context", "answer", "rationale"];
const MAY_BE_EMPTY = ["context", "rationale"];
const DECISIONS = ["accept", "correct", "reject"];
const FORMAT = "mmed-verdicts";

let kept = { reviewer: "", pane: "", verdicts: {}, exported: {} };
let inQueue = false, decision = "", isKept = true, typed = {};

const PREFIX = "mmed-verdicts:";
const storageKey = () => PREFIX + data.digest;
const paneLanguage = () => kept.pane || get("by-language").value || "en";
const queueLanguage = () => get("by-language").value || paneLanguage();

const say = (name, n, values = {}) => {
  const texts = data.texts[paneLanguage()];
  const text = typeof texts[name] === "string" ? texts[name]
    : texts[name][new Intl.PluralRules(paneLanguage()).select(n)] ?? texts[name].other;
  const shown = n === undefined ? values : { n: n.toLocaleString(paneLanguage()), ...values };
  return text.replace(/\{(\w+)\}/g, (whole, key) => shown[key] ?? whole);
};

const loadVerdicts = () => {
  try {
    kept = { ...kept, ...JSON.parse(localStorage.getItem(storageKey()) ?? "{}") };
    Object.keys(localStorage).filter((key) => key.startsWith(PREFIX) && key !== storageKey()).forEach(takeOver);
    keepVerdicts();
  } catch { isKept = false; }
};

// What was judged on an earlier build's page and never exported, of texts that are still the same.
const takeOver = (key) => {
  const earlier = JSON.parse(localStorage.getItem(key));
  kept.reviewer ||= earlier.reviewer;
  kept.pane ||= earlier.pane;
  for (const verdict of Object.values(earlier.verdicts)) {
    const { id, judged_at: time } = verdict;
    if (earlier.exported[id] === time || kept.verdicts[id] || byId.get(id)?.digest !== verdict.text_digest) continue;
    kept.verdicts[id] = verdict;
    earlier.exported[id] = time;
  }
  localStorage.setItem(key, JSON.stringify(earlier));
};

const keepVerdicts = () => {
  try { localStorage.setItem(storageKey(), JSON.stringify(kept)); } catch { isKept = false; }
};

const own = (record) => {
  const verdict = kept.verdicts[record.id];
  return verdict?.text_digest === record.digest ? verdict : undefined;
};
const isJudged = (record) => Boolean(own(record) || (record.judged ?? []).some((one) => one.now));
const unexported = () => Object.values(kept.verdicts).filter((one) => kept.exported[one.id] !== one.judged_at);

const queueIds = () => {
  const queue = data.queues[queueLanguage()];
  return [...new Set([...queue.risk, ...queue.random])].filter((id) => byId.has(id));
};

// A row of the random sample counts as such however it was found: or else whoever looks for faults
// first would leave a sample that is better than the rest.
const queueOf = (id) => {
  const { language } = byId.get(id);
  if (data.queues[language].random.includes(id)) return "random";
  return inQueue && data.queues[language].risk.includes(id) ? "risk" : "browse";
};

const leaveQueueUnless = (id) => { decision = ""; inQueue &&= queueIds().includes(id); };

const go = (id) => {
  decision = "";
  if (location.hash === `#id=${id}`) select(byId.get(id));
  else location.hash = `#id=${id}`;
};

const step = (direction) => {
  const ids = inQueue ? queueIds() : found.map((record) => record.id);
  const place = current ? ids.indexOf(current.id) : -1;
  if (!inQueue || direction < 0) {
    if (ids[place + direction]) go(ids[place + direction]);
    return;
  }
  const open = (id) => !isJudged(byId.get(id)) && id !== current?.id;
  const next = ids.slice(place + 1).find(open) ?? ids.find(open);
  if (next) go(next);
  else showReview();
};

const startQueue = () => {
  inQueue = true;
  const first = queueIds().find((id) => !isJudged(byId.get(id)));
  if (first) go(first);
  else showReview();
};

const correctable = (record) =>
  FIELDS.filter((name) => !(record.cut ?? []).includes(name) && !(name === "answer" && record.task === "mcq") &&
    (record[name] || !MAY_BE_EMPTY.includes(name)));

const complain = (name) => { get("review-fault").textContent = say(name); };

const save = () => {
  const corrections = {};
  if (decision === "correct") {
    for (const name of correctable(current)) {
      const typed = get(`correct-${name}`).value.trim();
      if (typed !== (current[name] ?? "").trim()) corrections[name] = typed;
    }
    if (!Object.keys(corrections).length) return complain("need_change");
    if (Object.entries(corrections).some(([name, text]) => !text && !MAY_BE_EMPTY.includes(name))) return complain("need_text");
  }
  const isFine = decision === "accept";
  const reason = isFine ? "" : get("review-reason").value;
  const severity = isFine ? "" : get("review-severity").value;
  const comment = get("review-comment").value.trim();
  if (!isFine && !(reason && severity)) return complain("need_reason");
  if (reason === "other" && !comment) return complain("need_comment");
  if (!kept.reviewer) { get("reviewer").focus(); return complain("need_reviewer"); }
  kept.verdicts[current.id] = {
    id: current.id, text_digest: current.digest, decision, reason, severity, corrections,
    comment, reviewer: kept.reviewer, queue: queueOf(current.id),
    judged_at: new Date().toISOString(), build: data.digest,
  };
  changed();
  step(1);
  // Not the next record's comment, where a letter is text and no shortcut; nor a button, which the
  // key that saved would press.
  get("review").focus({ preventScroll: true });
};

const changed = () => {
  keepVerdicts();
  decision = "";
  typed = {};
  showList();
  showReview();
};

const decide = (chosen) => {
  if (!current?.digest) return;
  decision = chosen;
  if (chosen === "accept") { save(); return; }
  showReview();
  get(chosen === "correct" ? `correct-${correctable(current).includes("answer") ? "answer" : correctable(current)[0]}` : "review-reason")?.focus();
};

const choice = (id, label, names, prefix, chosen) =>
  make("label", {}, label, make("select", { id },
    make("option", { value: "" }, say("choose")),
    ...names.map((name) => make("option", { value: name, selected: name === chosen }, say(`${prefix}_${name}`)))));

// An exam item's answer is its key; an open question has none.
const reasons = () => data.reasons.filter((name) => name !== (current.task === "mcq" ? "wrong_answer" : "wrong_key"));

const showDetails = (verdict) => {
  if (decision !== "correct" && decision !== "reject") return [];
  const cut = (current.cut ?? []).map((name) => say(name)).join(say("comma"));
  const areas = decision === "correct" ? correctable(current).map((name) =>
    make("label", {}, say(name), make("textarea", { id: `correct-${name}`, lang: current.language, dir: "auto", rows: 4 },
      verdict?.corrections[name] ?? current[name] ?? ""))) : [];
  return [
    decision === "correct" && make("p", { class: "note" }, say("corrections")),
    ...areas,
    decision === "correct" && current.task === "mcq" && make("p", { class: "note" }, say("key_fixed")),
    decision === "correct" && cut && make("p", { class: "note" }, say("too_long", undefined, { name: cut })),
    choice("review-reason", say("reason"), reasons(), "reason", verdict?.reason),
    choice("review-severity", say("severity"), data.severities, "severity", verdict?.severity),
  ].filter(Boolean);
};

const toldOf = (verdict) =>
  [say(verdict.decision), verdict.reason && say(`reason_${verdict.reason}`), verdict.severity && say(`severity_${verdict.severity}`)].filter(Boolean).join(" · ");

const showEarlier = () => {
  if (!current.judged) return [];
  const items = current.judged.map((one) =>
    make("li", {}, [say(one.decision), one.reason && say(`reason_${one.reason}`), one.reviewer, !one.now && say("on_other_text")].filter(Boolean).join(" · "),
      one.comment && make("q", { dir: "auto" }, one.comment)));
  return [make("h4", {}, say("earlier")), make("ul", {}, ...items)];
};

const showForm = () => {
  if (!current) return [make("p", { class: "note" }, say("open_one"))];
  if (!current.digest) return [make("p", { class: "note" }, say("dropped"))];
  const verdict = own(current);
  const buttons = DECISIONS.map((name) =>
    make("button", { type: "button", id: `do-${name}`, class: name, click: () => decide(name),
      "aria-pressed": String((decision || verdict?.decision) === name) }, say(name)));
  return [
    make("div", { class: "decisions", role: "group", "aria-label": say("decision") }, ...buttons),
    verdict && !decision ? make("p", { id: "mine" }, say("mine", undefined, { name: toldOf(verdict) }), " ",
      make("button", { type: "button", id: "withdraw", click: () => { delete kept.verdicts[current.id]; changed(); } }, say("withdraw"))) : "",
    ...showDetails(verdict),
    make("label", {}, say("comment"), make("textarea", { id: "review-comment", rows: 2,
      input: (event) => { typed = { id: current.id, comment: event.target.value }; } },
    typed.id === current.id ? typed.comment : verdict?.comment ?? "")),
    make("p", { id: "review-fault", role: "alert", class: "gone" }),
    decision ? make("button", { type: "button", id: "save", click: save }, say("save")) : "",
    ...showEarlier(),
  ];
};

const showQueue = () => {
  const ids = queueIds();
  const num = ids.filter((id) => isJudged(byId.get(id))).length;
  const names = new Intl.DisplayNames([paneLanguage()], { type: "language" });
  // Only published records are judged; a row that could not be read has not even a language.
  const isRisk = current?.digest && data.queues[current.language].risk.includes(current.id);
  const part = current?.digest && (isRisk ? "risk" : queueOf(current.id));
  const kinds = isRisk ? current.kinds.map((kind) => say(`kind_${kind}`)).join(say("comma")) : "";
  return [
    make("p", {}, make("b", {}, names.of(queueLanguage())), " · ", say("progress", num, { total: ids.length.toLocaleString(paneLanguage()) }), " · ", say("left", ids.length - num)),
    num === ids.length && ids.length ? make("p", { class: "done" }, say("queue_done")) : "",
    part ? make("p", { class: "note", id: "part" }, say(`part_${part}`), kinds && say("colon") + kinds) : "",
    make("div", { class: "decisions" },
      make("button", { type: "button", id: "start", click: startQueue }, say("start")),
      make("button", { type: "button", id: "back", click: () => step(-1) }, say("previous")),
      make("button", { type: "button", id: "next", click: () => step(1) }, say("next"))),
  ];
};

const showFiles = () => {
  const num = unexported().length;
  const some = Object.keys(kept.verdicts).length;
  return [
    make("div", { class: "decisions" },
      make("button", { type: "button", id: "export", disabled: !some, click: exportVerdicts }, say("export")),
      make("button", { type: "button", click: () => get("import").click() }, say("import"))),
    some ? make("p", { id: "unexported", class: num && "notice" }, num ? say("unexported", num) : say("all_exported")) : "",
    isKept ? "" : make("p", { class: "notice" }, say("not_kept")),
    make("p", { class: "note" }, say("shortcuts")),
  ];
};

const showReview = () => {
  const pane = get("review");
  const focused = pane.contains(document.activeElement) && document.activeElement.id;
  pane.lang = paneLanguage();
  const labels = { "review-title": "title", "review-lead": "lead", "reviewer-label": "reviewer",
    "pane-language-label": "pane_language", "as-filtered": "as_filtered", "keys-label": "use_shortcuts" };
  for (const [id, name] of Object.entries(labels)) get(id).textContent = say(name);
  get("review-queue").replaceChildren(...showQueue());
  get("review-form").replaceChildren(...showForm());
  get("review-files").replaceChildren(...showFiles());
  // What had the focus was made anew; a reader with a keyboard goes on from there.
  if (focused) (get(focused) ?? pane).focus({ preventScroll: true });
};

const exportVerdicts = () => {
  const verdicts = Object.values(kept.verdicts).sort((a, b) => (a.judged_at < b.judged_at ? -1 : 1));
  const text = JSON.stringify({ format: FORMAT, version: 1, build: data.digest, verdicts }, null, 1);
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  make("a", { href: url, download: `verdicts-${data.digest.slice(0, 8)}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  kept.exported = Object.fromEntries(verdicts.map((one) => [one.id, one.judged_at]));
  changed();
};

const isVerdict = (one) =>
  /^[0-9a-f]{32}$/.test(one.id) && DECISIONS.includes(one.decision) && one.corrections instanceof Object &&
  (one.decision === "accept" || (data.reasons.includes(one.reason) && data.severities.includes(one.severity))) &&
  !Number.isNaN(Date.parse(one.judged_at));

const importVerdicts = async (event) => {
  const told = get("review-told");
  try {
    const read = JSON.parse(await event.target.files[0].text());
    if (read.format !== FORMAT || read.version !== 1 || !read.verdicts.every(isVerdict)) throw new Error();
    for (const one of read.verdicts) {
      if (kept.verdicts[one.id]?.judged_at > one.judged_at) continue;
      kept.verdicts[one.id] = { build: read.build, ...one };
      kept.exported[one.id] = one.judged_at;
    }
    told.textContent = say("imported", read.verdicts.length) + (read.build === data.digest ? "" : say("stop") + say("other_build"));
  } catch { told.textContent = say("import_failed"); }
  event.target.value = "";
  changed();
};

// A letter by its place where the layout has no Latin ones.
const letterOf = ({ key, code }) => (/^[a-z]$/i.test(key) ? key : code.replace(/^Key/, "")).toLowerCase();

const onKey = (event) => {
  if (event.repeat) return; // a key held down would judge what nobody has read
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && decision) { event.preventDefault(); save(); return; }
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !get("keys").checked) return;
  const action = { a: () => decide("accept"), c: () => decide("correct"), r: () => decide("reject"), n: () => step(1), b: () => step(-1) }[letterOf(event)];
  if (action && (current || letterOf(event) === "n")) { event.preventDefault(); action(); }
};

const followOtherTab = (event) => {
  if (event.key !== storageKey() || !event.newValue) return;
  kept = { ...kept, ...JSON.parse(event.newValue) };
  showList();
  if (!decision) showReview();
};

const beginReview = () => {
  get("reviewer").value = kept.reviewer;
  get("reviewer").addEventListener("input", () => { kept.reviewer = get("reviewer").value.trim(); keepVerdicts(); });
  get("pane-language").value = kept.pane;
  get("pane-language").addEventListener("change", () => { kept.pane = get("pane-language").value; keepVerdicts(); showRecord(); showReview(); });
  get("import").addEventListener("change", importVerdicts);
  document.addEventListener("keydown", onKey);
  window.addEventListener("storage", followOtherTab);
  window.addEventListener("beforeunload", (event) => { if (unexported().length) event.preventDefault(); });
};

requestAnimationFrame(() => setTimeout(begin)); // the page is painted first
