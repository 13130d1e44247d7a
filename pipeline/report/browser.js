// The browser of records: unpacks them, filters and lists them, shows one with its whole lineage.
// A record's text only ever becomes a text node, whatever it holds.

const get = (id) => document.getElementById(id);
const PAGE = 50; // records listed at a time
const FILTERS = ["language", "source", "form", "origin", "flag", "state"];

let data, byId, found = [], listed = PAGE, current = null;

const present = (values) => values.flat().filter((one) => ![null, undefined, false, ""].includes(one));

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
};

const folded = (text) => text.normalize("NFKC").toLowerCase();

const searched = (record) =>
  (record.searched ??= folded(
    [record.id, record.question, record.context, record.answer, record.rationale, record.topic,
      ...(record.options ?? []), ...(record.history ?? []).map((turn) => turn[1])].join("\n"),
  ));

const valuesOf = (record, filter) => {
  if (filter === "flag") return (record.flags ?? []).map((flag) => flag.name);
  if (filter === "state") return record.reason ? ["dropped", `dropped: ${record.reason}`] : [record.state];
  return [record[filter]];
};

const unpack = async () => {
  const text = atob(get("browser-data").textContent);
  const packed = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) packed[place] = text.charCodeAt(place);
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).json();
};

const fillFilters = () => {
  for (const filter of FILTERS) {
    const counts = new Map();
    for (const record of data.records) {
      for (const value of new Set(valuesOf(record, filter))) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const values = [...counts.keys()].filter(Boolean).sort();
    const ordered = filter === "language" ? data.languages.filter((one) => counts.has(one)) : values;
    get(`by-${filter}`).append(
      ...ordered.map((value) => make("option", { value }, `${value} (${counts.get(value)})`)),
    );
    get(`by-${filter}`).addEventListener("change", applyFilters);
  }
  get("find").addEventListener("input", applyFilters);
};

const applyFilters = () => {
  const words = folded(get("find").value).split(/\s+/).filter(Boolean);
  const wanted = FILTERS.map((filter) => [filter, get(`by-${filter}`).value]).filter(([, value]) => value);
  found = data.records.filter(
    (record) =>
      wanted.every(([filter, value]) => valuesOf(record, filter).includes(value)) &&
      words.every((word) => searched(record).includes(word)),
  );
  listed = PAGE;
  showList();
  if (!decision) showReview(); // else it would take away what the reviewer is typing
};

const beginning = (record) => {
  const text = record.question ?? (record.withheld ? "(not shown: repeats a protected item)" : "(no text)");
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
};

const link = (id) => make("a", { href: `#id=${id}` }, make("code", {}, id.slice(0, 12)), byId.has(id) ? "" : " (not on this page)");

const showList = () => {
  get("found").textContent = `${found.length.toLocaleString("en")} of ${data.records.length.toLocaleString("en")} records`;
  get("results").replaceChildren(
    ...found.slice(0, listed).map((record) =>
      make("li", {}, make("a", { href: `#id=${record.id}`, "aria-current": record === current && "true" },
        make("small", {}, present([record.language, record.source, record.form]).join(" · ")),
        record.reason && make("small", { class: "gone" }, ` · dropped: ${record.reason}`),
        isJudged(record) && make("small", { class: "done" }, " · judged"),
        make("span", { lang: record.language, dir: "auto" }, beginning(record)))),
    ),
  );
  get("more").hidden = found.length <= listed;
};

const textOf = (label, record, text) =>
  text ? [make("h4", {}, label), make("p", { class: "said", lang: record.language, dir: "auto" }, text)] : [];

const showOptions = (record) => {
  if (!record.options) return [];
  const key = record.key ?? [];
  const items = record.options.map((option, index) =>
    make("li", { class: key.includes(index) && "key" }, make("b", {}, `${String.fromCharCode(65 + index)}. `),
      make("span", { lang: record.language, dir: "auto" }, option),
      key.includes(index) && make("b", { class: "mark" }, say("key"))));
  return [make("h4", {}, say("options")), make("ol", { class: "choices" }, ...items)];
};

const showTexts = (record) => [
  ...(record.history ? [make("h4", {}, say("dialogue"))] : []),
  ...(record.history ?? []).map(([role, text]) =>
    make("p", { class: "said", dir: "auto" }, make("b", {}, `${say(`role_${role}`)}: `), make("span", { lang: record.language }, text))),
  ...textOf(say("context"), record, record.context),
  ...textOf(say("question"), record, record.question),
  ...showOptions(record),
  ...(record.task === "mcq" ? [] : textOf(say("answer"), record, record.answer)),
  ...textOf(say("rationale"), record, record.rationale),
];

const showOriginal = (record) => {
  const parent = byId.get(record.parent);
  return parent ? make("details", { class: "original", open: true, lang: paneLanguage() },
    make("summary", {}, `${say("original")} (${parent.language})`), ...showTexts(parent)) : "";
};

const fact = (name, ...values) => {
  const shown = present(values);
  return shown.length ? make("div", {}, make("dt", {}, name), make("dd", {}, ...shown)) : null;
};

const flagText = (record, flag) =>
  make("p", {}, make("code", {}, flag.name), ` ${data.sentences[flag.name] ?? ""} `,
    flag.evidence && make("q", { lang: record.language, dir: "auto" }, flag.evidence),
    flag.value !== null && flag.value !== undefined && ` (${Number(flag.value.toPrecision(3))})`,
    flag.other && [" other record: ", link(flag.other)]);

const children = (record) => data.records.filter((one) => one.parent === record.id).map((one) => [link(one.id), ` ${one.language} `]);
const twins = (record) => data.records.filter((one) => one.instead === record.id).map((one) => [link(one.id), ` ${one.reason} `]);

const showLineage = (record) =>
  make("dl", { class: "lineage" },
    fact("Id", make("a", { href: `#id=${record.id}` }, make("code", {}, record.id))),
    fact("State", record.reason
      ? [make("b", { class: "gone" }, `dropped at ${record.stage}: ${record.reason}. `), data.sentences[record.reason]]
      : `published, split ${record.split}`),
    fact("Found", record.evidence && make("q", { lang: record.language, dir: "auto" }, record.evidence)),
    fact("Other record", record.instead && link(record.instead)),
    fact("Dropped for this one", ...twins(record)),
    fact("Language, form", present([record.language, record.form, record.task === "mcq" ? "multiple choice" : "open question"]).join(", ")),
    fact("Source", `${record.source}, `, make("span", { class: "path" }, record.place)),
    fact("Licence", record.license),
    fact("Origin", record.origin),
    fact("Made of", record.parent && link(record.parent)),
    fact("Made of this one", ...children(record)),
    fact("Root", record.root && link(record.root)),
    fact("Group", record.group && make("code", {}, record.group.slice(0, 12))),
    fact("Topic", record.topic), fact("Year", record.year && String(record.year)), fact("Jurisdiction", record.jurisdiction),
    fact("Steps", (record.steps ?? []).map((step) =>
      make("p", {}, step.stage, step.model && ` by ${step.model}`, step.prompt && [", prompt ", make("code", {}, step.prompt)]))),
    fact("Flags", (record.flags ?? []).map((flag) => flagText(record, flag))),
    fact("Scores", Object.entries(record.scores ?? {}).map(([name, value]) => `${name} ${value}`).join(", ")),
  );

const showRecord = () => {
  const pane = get("record");
  if (!current) {
    pane.replaceChildren(make("p", { class: "note", lang: paneLanguage() }, say("open_one")));
    return;
  }
  pane.replaceChildren(
    make("div", { class: "texts", lang: paneLanguage() }, ...showTexts(current)),
    showOriginal(current),
    current.withheld ? make("p", { class: "note" }, "The text says a benchmark or validation item again, so it is not shown.") : "",
    make("details", { open: !inQueue }, make("summary", { lang: paneLanguage() }, say("provenance")), showLineage(current)),
  );
};

const select = (record) => {
  current = record;
  showRecord();
  showReview();
  for (const one of get("results").querySelectorAll("a")) {
    if (record && one.hash === `#id=${record.id}`) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
};

const followHash = () => {
  const match = /^#id=([0-9a-f]{32})$/.exec(location.hash);
  if (!match) return;
  get("missing").hidden = byId.has(match[1]);
  get("missing").textContent = `${match[1]} is not among the records of this page. See: mmed explain ${match[1]} --out FOLDER`;
  if (byId.get(match[1]) !== current || !current) leaveQueueUnless(match[1]);
  select(byId.get(match[1]) ?? null);
  get(current ? "record" : "missing").scrollIntoView();
};

const begin = async () => {
  if (!("DecompressionStream" in window)) {
    get("browser-waiting").textContent = "This browser is too old to unpack the records.";
    return;
  }
  data = await unpack();
  byId = new Map(data.records.map((record) => [record.id, record]));
  loadVerdicts();
  fillFilters();
  beginReview();
  get("more").addEventListener("click", () => { listed += PAGE; showList(); });
  get("browser-app").hidden = false;
  get("browser-waiting").hidden = true;
  applyFilters();
  showRecord();
  window.addEventListener("hashchange", followHash);
  followHash();
};
