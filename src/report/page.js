"use strict";
(() => {
  const source = document.getElementById("run-data");
  if (!source) return;
  const run = JSON.parse(source.textContent);
  const root = document.documentElement;
  root.classList.add("has-script");

  // ---- small tools ------------------------------------------------------------------------

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const colour = name => getComputedStyle(root).getPropertyValue("--ink-" + name).trim();
  let inks = {};
  const readInks = () => {
    for (const name of ["paper", "text", "muted", "axis", "grid", "blue", "orange", "green", "purple",
      "vermilion", "sky", "black"]) inks[name] = colour(name);
  };
  const FONT = (size, weight = 400) =>
    `${weight} ${size}px Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif`;

  const number = value => {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (value !== 0 && (size >= 1e12 || size < 1e-4)) return value.toExponential(2);
    const digits = Number.isInteger(value) ? 0 : clamp(3 - Math.floor(Math.log10(size)), 0, 8);
    return value.toLocaleString("en-US", { maximumFractionDigits: digits });
  };
  const duration = seconds => {
    if (seconds < 0) return "-" + duration(-seconds);
    if (seconds < 1e-6) return number(seconds * 1e9) + " ns";
    if (seconds < 1e-3) return number(seconds * 1e6) + " µs";
    if (seconds < 1) return number(seconds * 1e3) + " ms";
    if (seconds < 60) return number(Math.round(seconds * 10) / 10) + " s";
    const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
    const rounded = seconds < 3600 ? Math.round(seconds) : Math.round(seconds / 60) * 60;
    const first = clamp(units.findIndex(unit => rounded >= unit[1]), 0, 2);
    const whole = Math.floor(rounded / units[first][1]);
    const rest = Math.floor((rounded - whole * units[first][1]) / units[first + 1][1]);
    const head = `${number(whole)} ${units[first][0]}`;
    return rest && whole < 100 ? `${head} ${rest} ${units[first + 1][0]}` : head;
  };
  const bytes = value => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let index = 0;
    while (Math.abs(value) >= 1024 && index < 6) { value /= 1024; index += 1; }
    return `${number(Math.round(value * 100) / 100)} ${units[index]}`;
  };
  const reading = (value, unit) => {
    if (unit === "%") return number(Math.round(value * 1000) / 10) + " %";
    if (unit === "s") return duration(value);
    if (unit === "B") return bytes(value);
    return unit === "" || unit === "1" ? number(value) : `${number(value)} ${unit}`;
  };

  // ---- time -------------------------------------------------------------------------------

  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400,
    172800, 432000, 864000];
  const roundStep = raw => {
    const base = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].map(m => m * base).find(step => step >= raw * (1 - 1e-9)) || base * 10;
  };
  const timeStep = raw => {
    if (raw <= 0.5) return roundStep(raw);
    return STEPS.find(step => step >= raw) || roundStep(raw / 86400) * 86400;
  };
  // A moment as a clock shows it: 0:00, 2:30, 2:30:15, 3 d 4:00; seconds alone in a short run.
  const clock = (time, step) => {
    const decimals = step < 1 ? clamp(-Math.floor(Math.log10(step)), 0, 9) : 0;
    if (run.end <= 600) return time.toFixed(decimals) + " s";
    const scale = 10 ** decimals;
    const units = Math.round(Math.abs(time) * scale);
    const whole = Math.floor(units / scale);
    const days = run.end >= 259200 ? Math.floor(whole / 86400) : 0;
    const rest = whole - days * 86400;
    const two = value => String(value).padStart(2, "0");
    if (days && step >= 86400) return `${days} d`;
    let text = `${Math.floor(rest / 3600)}:${two(Math.floor(rest / 60) % 60)}`;
    if (step < 60) text += ":" + two(rest % 60);
    if (decimals) text += "." + String(units % scale).padStart(decimals, "0");
    return days ? `${days} d ${text}` : text;
  };
  const moment = time => clock(time, (view.to - view.from) / 500 >= 60 ? 60 : Math.min(1, timeStep((view.to - view.from) / 500)));

  // ---- the part of the run that all charts over time show ------------------------------------

  const view = { from: 0, to: run.end, at: null };
  const charts = [];
  let waiting = false;
  const redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      for (const chart of charts) chart.draw();
      for (const output of document.querySelectorAll("[data-zoom-range]"))
        output.textContent = view.from <= 0 && view.to >= run.end ? `whole run, ${duration(run.end)}`
          : `${moment(view.from)} to ${moment(view.to)}`;
    });
  };
  const show = (from, to) => {
    const span = clamp(to - from, run.end / 20000, run.end);
    view.from = clamp(from, 0, run.end - span);
    view.to = view.from + span;
    redraw();
  };
  const zoom = (factor, around = (view.from + view.to) / 2) =>
    show(around - (around - view.from) * factor, around + (view.to - around) * factor);
  const move = share => { const by = (view.to - view.from) * share; show(view.from + by, view.to + by); };
  const actions = {
    in: () => zoom(0.5), out: () => zoom(2), earlier: () => move(-0.25), later: () => move(0.25),
    all: () => show(0, run.end),
  };
  for (const button of document.querySelectorAll("[data-zoom]"))
    button.addEventListener("click", actions[button.dataset.zoom]);

  // ---- a canvas over time: pointer, wheel and keys are the same for all ----------------------

  class Timed {
    constructor(canvas) {
      this.canvas = canvas;
      this.left = 40;
      this.right = 12;
      this.pointers = new Map();
      canvas.tabIndex = 0;
      canvas.addEventListener("pointerdown", event => this.press(event));
      canvas.addEventListener("pointermove", event => this.drag(event));
      canvas.addEventListener("pointerup", event => this.release(event));
      canvas.addEventListener("pointercancel", () => this.cancel());
      canvas.addEventListener("pointerleave", () => { if (!this.pointers.size) { view.at = null; this.leave(); redraw(); } });
      canvas.addEventListener("dblclick", actions.all);
      canvas.addEventListener("wheel", event => this.wheel(event), { passive: false });
      canvas.addEventListener("keydown", event => this.key(event));
      new ResizeObserver(redraw).observe(canvas.parentElement);
      charts.push(this);
    }
    leave() {}
    begin(height) {
      const width = this.canvas.parentElement.clientWidth;
      const ratio = window.devicePixelRatio || 1;
      if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
        this.canvas.width = Math.round(width * ratio);
        this.canvas.height = Math.round(height * ratio);
        this.canvas.style.height = height + "px";
      }
      this.width = width;
      const pen = this.canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, width, height);
      pen.textBaseline = "alphabetic";
      return pen;
    }
    x(time) { return this.left + (time - view.from) / (view.to - view.from) * (this.width - this.left - this.right); }
    time(x) { return view.from + (x - this.left) / (this.width - this.left - this.right) * (view.to - view.from); }
    where(event) {
      const box = this.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    }
    axis(pen, y) {
      const room = this.width - this.left - this.right;
      const step = timeStep((view.to - view.from) / Math.max(2, Math.floor(room / 90)));
      pen.fillStyle = inks.axis;
      pen.fillRect(this.left, y - 0.5, room, 1);
      pen.font = FONT(12);
      for (let index = Math.ceil(view.from / step - 1e-9); index * step <= view.to + step * 1e-9; index += 1) {
        const x = this.x(index * step);
        const label = clock(index * step, step);
        const half = pen.measureText(label).width / 2;
        pen.fillStyle = inks.axis;
        pen.fillRect(x - 0.5, y, 1, 4);
        pen.fillStyle = inks.muted;
        pen.textAlign = "left";
        pen.fillText(label, clamp(x - half, 0, this.width - 2 * half), y + 18);
      }
    }
    overlay(pen, top, bottom) {
      if (this.brush) {
        const [from, to] = this.brush;
        pen.fillStyle = inks.blue;
        pen.globalAlpha = 0.15;
        pen.fillRect(Math.min(from, to), top, Math.abs(to - from), bottom - top);
        pen.globalAlpha = 1;
      }
      if (view.at !== null && view.at >= view.from && view.at <= view.to) {
        pen.fillStyle = inks.muted;
        pen.fillRect(Math.round(this.x(view.at)) - 0.5, top, 1, bottom - top);
      }
    }
    press(event) {
      if (event.button) return;
      const [x] = this.where(event);
      this.pointers.set(event.pointerId, x);
      this.canvas.setPointerCapture(event.pointerId);
      this.start = { x, from: view.from, to: view.to, pan: event.shiftKey || event.pointerType === "touch" };
      this.canvas.focus({ preventScroll: true });
    }
    drag(event) {
      const [x, y] = this.where(event);
      if (this.pointers.size === 2 && this.pointers.has(event.pointerId)) {
        const before = [...this.pointers.values()];
        this.pointers.set(event.pointerId, x);
        const after = [...this.pointers.values()];
        const wide = Math.max(10, Math.abs(after[0] - after[1]));
        zoom(Math.max(10, Math.abs(before[0] - before[1])) / wide, this.time((after[0] + after[1]) / 2));
        this.start = null;
        return;
      }
      view.at = clamp(this.time(x), view.from, view.to);
      if (this.pointers.size && this.start) {
        if (this.start.pan) {
          const by = (this.start.x - x) / (this.width - this.left - this.right) * (this.start.to - this.start.from);
          show(this.start.from + by, this.start.to + by);
        } else if (Math.abs(x - this.start.x) > 4) {
          const hold = value => clamp(value, this.left, this.width - this.right);
          this.brush = [hold(this.start.x), hold(x)];
        }
      }
      this.hover(x, y, event);
      redraw();
    }
    release(event) {
      this.pointers.delete(event.pointerId);
      if (this.brush) {
        const [from, to] = this.brush.map(x => this.time(x)).sort((a, b) => a - b);
        if (to > from) show(from, to);
      }
      this.cancel();
    }
    cancel() { this.brush = null; this.start = null; this.pointers.clear(); redraw(); }
    hover() {}
    wheel(event) {
      if (event.ctrlKey || document.activeElement === this.canvas) {
        event.preventDefault();
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
          move(clamp((event.deltaX || event.deltaY) / 600, -0.5, 0.5));
        else zoom(2 ** clamp(event.deltaY / 300, -1, 1), clamp(this.time(this.where(event)[0]), view.from, view.to));
      }
    }
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = direction => {
        if (event.shiftKey) return move(direction * 0.1);
        const at = view.at === null ? (view.from + view.to) / 2 : view.at;
        view.at = clamp(at + direction * (view.to - view.from) / 100, view.from, view.to);
        redraw();
      };
      const keys = {
        "+": actions.in, "=": actions.in, "-": actions.out, "0": actions.all,
        ArrowLeft: () => step(-1), ArrowRight: () => step(1),
        Escape: () => { view.at = null; this.leave(); redraw(); },
      };
      if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
    }
  }

  const swatch = (ink, form = "") => make("span", { class: "swatch " + form, style: `color:var(--ink-${ink})` });
  const toggle = (button, on) => button.setAttribute("aria-pressed", String(on));

  // ---- step lines -------------------------------------------------------------------------

  class Lines extends Timed {
    constructor(figure, plot) {
      const canvas = make("canvas", { role: "img", "aria-label":
        `${plot.title}, ${plot.quantity}. Arrow keys read values, plus and minus zoom, shift with arrows moves, zero shows the whole run.` });
      const unit = plot.unit && plot.unit !== "1" && !plot.quantity.includes(plot.unit) ? ` (${plot.unit})` : "";
      const keys = make("ul", { class: "keys", "aria-live": "polite" });
      const at = make("li", { class: "at" });
      figure.append(make("div", { class: "live" }, make("h3", {}, plot.title),
        make("p", { class: "quantity" }, plot.quantity + unit), make("div", {}, canvas), keys));
      figure.classList.add("has-live");
      super(canvas);
      this.plot = plot;
      this.at = at;
      this.lines = plot.lines.map(line => {
        let sum = 0;
        const times = line.t.map(difference => (sum += difference) * line.dt);
        const button = make("button", { type: "button", "aria-pressed": "true" }, swatch(line.ink), line.label);
        const value = make("b");
        button.append(" ", value);
        keys.append(make("li", {}, button));
        const made = { ink: line.ink, times, values: line.v.map(v => v * line.dv), value, shown: true };
        button.addEventListener("click", () => { made.shown = !made.shown; toggle(button, made.shown); redraw(); });
        return made;
      });
      keys.append(at);
    }
    // The index of the last point at or before a time, or -1.
    before(line, time) {
      let low = 0, high = line.times.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (line.times[middle] <= time) low = middle + 1; else high = middle;
      }
      return low - 1;
    }
    top() {
      let highest = this.plot.unit === "%" ? 1 : 0;
      for (const line of this.lines) if (line.shown) for (const value of line.values) if (value > highest) highest = value;
      return highest || 1;
    }
    scale() {
      const highest = this.top();
      if (this.plot.unit === "%" && highest <= 1.000001) return [0, 0.25, 0.5, 0.75, 1];
      let factor = 1;
      if (this.plot.unit === "B") while (highest / factor >= 1024) factor *= 1024;
      let step = roundStep(highest / factor / 5) * factor;
      if (["pods", "nodes", "jobs"].includes(this.plot.unit)) step = Math.max(1, step);
      return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, index) => index * step);
    }
    draw() {
      const height = 268, top = 12, bottom = height - 30;
      const pen = this.begin(height);
      const ticks = this.scale();
      const high = ticks[ticks.length - 1];
      const short = value => this.plot.unit === "%" || this.plot.unit === "s" || this.plot.unit === "B"
        ? reading(value, this.plot.unit) : number(value);
      pen.font = FONT(12);
      this.left = Math.max(...ticks.map(tick => pen.measureText(short(tick)).width)) + 12;
      const y = value => bottom - clamp(value / high, 0, 1) * (bottom - top);
      pen.textAlign = "right";
      for (const tick of ticks) {
        pen.fillStyle = inks.grid;
        pen.fillRect(this.left, Math.round(y(tick)) - 0.5, this.width - this.left - this.right, 1);
        pen.fillStyle = inks.muted;
        pen.fillText(short(tick), this.left - 8, y(tick) + 4);
      }
      this.axis(pen, bottom);
      pen.save();
      pen.beginPath();
      pen.rect(this.left, 0, this.width - this.left - this.right, height);
      pen.clip();
      for (const line of [...this.lines].reverse()) if (line.shown) this.drawLine(pen, line, y);
      pen.restore();
      this.overlay(pen, top, bottom);
      this.read(pen, y);
    }
    drawLine(pen, line, y) {
      if (!line.times.length) return;
      const first = Math.max(0, this.before(line, view.from));
      pen.strokeStyle = inks[line.ink];
      pen.lineWidth = 2;
      pen.lineJoin = "miter";
      pen.beginPath();
      let last = y(line.values[first]);
      pen.moveTo(this.x(Math.max(line.times[first], view.from)), last);
      for (let index = first + 1; index < line.times.length && line.times[index] <= view.to; index += 1) {
        const x = this.x(line.times[index]);
        pen.lineTo(x, last);
        last = y(line.values[index]);
        pen.lineTo(x, last);
      }
      pen.lineTo(this.x(Math.min(view.to, run.end)), last);
      pen.stroke();
    }
    read(pen, y) {
      this.at.textContent = view.at === null ? "" : `at ${moment(view.at)}`;
      for (const line of this.lines) {
        const index = view.at === null ? -1 : this.before(line, view.at);
        line.value.textContent = index < 0 ? "" : reading(line.values[index], this.plot.unit);
        if (index >= 0 && line.shown) {
          pen.fillStyle = inks[line.ink];
          pen.beginPath();
          pen.arc(this.x(view.at), y(line.values[index]), 3.5, 0, 7);
          pen.fill();
        }
      }
    }
  }

  // ---- Gantt ------------------------------------------------------------------------------

  const KINDS = [["ran", "sky", "bar"], ["failed", "vermilion", "bar failed"], ["work lost", "orange", "bar lost"],
    ["node down", "black", "bar"], ["waited", "grid", "bar"], ["held its room, idle", "blue", "bar held"]];

  class Gantt extends Timed {
    constructor(figure, gantt) {
      const canvas = make("canvas", { role: "img", "aria-label":
        "Where pods ran. N and P step through the bars that match the search, arrow up and down scroll, plus and minus zoom, zero shows the whole run." });
      const spacer = make("div");
      const rows = make("div", { class: "rows" }, spacer);
      spacer.append(canvas);
      const search = make("input", { type: "search", placeholder: "Name, row or detail", "aria-label": "Find bars" });
      const count = make("output");
      const keys = make("ul", { class: "keys" });
      const detail = make("p", { class: "detail", "aria-live": "polite" });
      const note = gantt.omitted ? `one row a node or processor; ${number(gantt.omitted)} mostly short bars not drawn`
        : "one row a node or processor; N and P step through the bars found";
      figure.append(make("div", { class: "live" }, make("h3", {}, "Where pods ran"),
        make("p", { class: "quantity" }, note),
        make("div", { class: "find" }, search, count), rows, keys, detail));
      figure.classList.add("has-live");
      super(canvas);
      Object.assign(this, { rows, spacer, search, count, detail, gantt, shown: KINDS.map(() => true), chosen: -1 });
      this.bars = gantt.bars.map(([row, from, to, start, end, kind, label, text]) =>
        ({ row, from, to, start: start * gantt.dt, end: end * gantt.dt, kind, label, text, found: true }));
      this.bars.forEach(bar => { bar.words = `${bar.label} ${bar.text} ${gantt.rows[bar.row]}`.toLowerCase(); });
      this.total = gantt.offsets[gantt.offsets.length - 1] || 1;
      this.lane = clamp(520 / this.total, 7, 22);
      this.tip = make("div", { class: "tip", hidden: "" });
      document.body.append(this.tip);
      KINDS.forEach(([name, ink, form], kind) => {
        const amount = this.bars.filter(bar => bar.kind === kind).length;
        if (!amount) return;
        const button = make("button", { type: "button", "aria-pressed": "true" }, swatch(ink, form), `${name} ${number(amount)}`);
        button.addEventListener("click", () => { this.shown[kind] = !this.shown[kind]; toggle(button, this.shown[kind]); this.find(); });
        keys.append(make("li", {}, button));
      });
      search.addEventListener("input", () => this.find());
      search.addEventListener("keydown", event => { if (event.key === "Enter") { event.preventDefault(); this.step(1); } });
      rows.addEventListener("scroll", () => { this.leave(); redraw(); });
      this.find();
    }
    find() {
      const words = this.search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      for (const bar of this.bars) bar.found = this.shown[bar.kind] && words.every(word => bar.words.includes(word));
      const found = this.bars.filter(bar => bar.found).length;
      this.count.textContent = words.length ? `${number(found)} of ${number(this.bars.length)} bars` : "";
      this.chosen = -1;
      this.detail.textContent = "";
      redraw();
    }
    words(bar) {
      const rows = this.gantt.rows[bar.row];
      const time = `${moment(bar.start)} to ${moment(bar.end)}, ${duration(bar.end - bar.start)}`;
      return [bar.label || KINDS[bar.kind][0], `${KINDS[bar.kind][0]} on ${rows}`, time, bar.text].filter(Boolean);
    }
    step(direction) {
      const found = this.bars.filter(bar => bar.found).sort((a, b) => a.start - b.start || a.from - b.from);
      if (!found.length) return;
      const now = found.indexOf(this.bars[this.chosen]);
      const next = found[(now + direction + found.length) % found.length] || found[0];
      this.chosen = this.bars.indexOf(next);
      if (next.end < view.from || next.start > view.to) {
        const half = (view.to - view.from) / 2;
        show((next.start + next.end) / 2 - half, (next.start + next.end) / 2 + half);
      }
      this.rows.scrollTop = next.from * this.lane - this.rows.clientHeight / 2;
      this.detail.textContent = this.words(next).join("; ");
      redraw();
    }
    key(event) {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) {
        const keys = { n: () => this.step(1), p: () => this.step(-1), ArrowDown: () => { this.rows.scrollTop += 60; }, ArrowUp: () => { this.rows.scrollTop -= 60; } };
        if (keys[event.key]) { event.preventDefault(); keys[event.key](); return; }
      }
      super.key(event);
    }
    wheel(event) {
      const scrolls = this.rows.scrollHeight > this.rows.clientHeight + 1;
      if (!scrolls || event.ctrlKey || event.shiftKey) super.wheel(event);
    }
    leave() { this.tip.hidden = true; }
    hover(x, y, event) {
      const lane = (y + this.rows.scrollTop) / this.lane;
      const near = 3 / (this.width - this.left - this.right) * (view.to - view.from);
      const time = this.time(x);
      const inside = x >= this.left && y < this.shownHeight;
      const hit = !inside || this.brush ? null : [...this.bars].reverse().find(bar =>
        bar.found && bar.from <= lane && lane < bar.to && bar.start - near <= time && time <= bar.end + near);
      this.tip.hidden = !hit;
      if (!hit) return;
      this.tip.textContent = this.words(hit).join("\n");
      const box = this.tip.getBoundingClientRect();
      this.tip.style.left = clamp(event.clientX + 14, 4, innerWidth - box.width - 4) + "px";
      this.tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18) + "px";
    }
    draw() {
      const full = Math.ceil(this.total * this.lane);
      const height = Math.min(full + 26, Math.max(200, Math.round(innerHeight * 0.72)));
      this.spacer.style.height = full + 26 + "px";
      const pen = this.begin(height);
      const scroll = this.rows.scrollTop;
      const bottom = height - 26;
      this.shownHeight = bottom;
      pen.font = FONT(12);
      const names = this.gantt.rows;
      const widest = names.slice(0, 400).reduce((most, name) => Math.max(most, pen.measureText(name).width), 0);
      this.left = Math.min(widest, this.width * 0.28, 170) + 12;
      pen.save();
      pen.beginPath();
      pen.rect(0, 0, this.width, bottom);
      pen.clip();
      this.drawRows(pen, scroll, bottom);
      pen.beginPath();
      pen.rect(this.left, 0, this.width - this.left - this.right, bottom);
      pen.clip();
      for (const bar of this.bars) this.drawBar(pen, bar, scroll, bottom);
      pen.restore();
      this.axis(pen, bottom);
      this.overlay(pen, 0, bottom);
    }
    drawRows(pen, scroll, bottom) {
      const offsets = this.gantt.offsets;
      let free = -Infinity;
      for (let row = 0; row + 1 < offsets.length; row += 1) {
        const from = offsets[row] * this.lane - scroll, to = offsets[row + 1] * this.lane - scroll;
        if (to < 0 || from > bottom) continue;
        const y = Math.max((Math.max(from, 0) + Math.min(to, bottom)) / 2, 8);
        const labelled = y - free >= 15;
        if (labelled || this.lane > 12) {
          pen.fillStyle = inks.grid;
          pen.fillRect(this.left, Math.round(to) - 0.5, this.width - this.left - this.right, 1);
        }
        if (!labelled) continue;
        free = y;
        pen.fillStyle = inks.muted;
        pen.textAlign = "right";
        pen.fillText(this.fit(pen, this.gantt.rows[row], this.left - 10), this.left - 8, y + 4);
      }
    }
    fit(pen, text, width) {
      const whole = pen.measureText(text).width;
      if (whole <= width) return text;
      // Not far from what fits: measuring is dear.
      let keep = Math.min(text.length, Math.ceil(text.length * width / whole) + 3);
      while (keep > 1 && pen.measureText(text.slice(0, Math.ceil(keep / 2)) + "…" + text.slice(text.length - Math.floor(keep / 2))).width > width) keep -= 1;
      return text.slice(0, Math.ceil(keep / 2)) + "…" + text.slice(text.length - Math.floor(keep / 2));
    }
    drawBar(pen, bar, scroll, bottom) {
      const y = bar.from * this.lane - scroll, height = (bar.to - bar.from) * this.lane;
      if (bar.end < view.from || bar.start > view.to || y > bottom || y + height < 0 || !this.shown[bar.kind]) return;
      const x = Math.max(this.x(bar.start), this.left - 8), end = Math.min(this.x(bar.end), this.width + 8);
      const inset = bar.kind === 3 ? 0 : 1;
      const width = Math.max(1, end - x - (end - x > 3 ? 1 : 0));
      pen.globalAlpha = bar.found ? 1 : 0.12;
      pen.fillStyle = inks[KINDS[bar.kind][1]];
      pen.fillRect(x, y + inset, width, height - 2 * inset);
      pen.fillStyle = inks.paper;
      const line = height < 12 ? 1 : 2;
      if (bar.kind === 1 && width > 8) pen.fillRect(x + 3, y + (height - line) / 2, width - 6, line);
      if (bar.kind === 2 && width > 4) pen.fillRect(x + 1.5, y + inset + 1.5, width - 3, height - 2 * inset - 3);
      const edge = height < 12 ? 1 : 2;
      if (bar.kind === 5 && height > 4 && width > 3) pen.fillRect(x + 2, y + inset + edge, width - 2, height - 2 * (inset + edge));
      if ((bar.kind === 0 || bar.kind === 4 || bar.kind === 5) && height >= 14 && width > 30) {
        pen.fillStyle = inks.text;
        pen.textAlign = "left";
        pen.font = FONT(11);
        const start = Math.max(x, this.left);
        const room = x + width - start - 8;
        const label = bar.kind === 4 && room > 60 ? this.fit(pen, bar.label, room) : bar.label;
        if (pen.measureText(label).width < room) pen.fillText(label, start + 4, y + height / 2 + 4);
      }
      if (this.bars[this.chosen] === bar) {
        pen.strokeStyle = inks.text;
        pen.lineWidth = 2;
        pen.strokeRect(x, y + 1, width, height - 2);
      }
      pen.globalAlpha = 1;
    }
  }

  // ---- tables -----------------------------------------------------------------------------

  const sortKey = cell => {
    if (!cell) return "";
    const text = cell.dataset.sort ?? cell.textContent.trim();
    const value = Number(text);
    return text !== "" && Number.isFinite(value) ? value : text.toLowerCase();
  };
  const compare = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  const sortable = table => {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        for (const body of table.tBodies) {
          const rows = [...body.rows].filter(row => !row.classList.contains("group"));
          const keyed = rows.map(row => [sortKey(row.cells[column]), row]);
          keyed.sort((a, b) => (up ? 1 : -1) * compare(a[0], b[0]));
          body.append(...keyed.map(pair => pair[1]));
        }
      });
    });
  };
  const filterable = table => {
    const input = make("input", { type: "search", placeholder: table.dataset.filter, "aria-label": table.dataset.filter });
    const count = make("output");
    const rows = [...table.tBodies].flatMap(body => [...body.rows]).filter(row => !row.classList.contains("group"));
    const texts = rows.map(row => row.textContent.toLowerCase());
    table.parentElement.before(make("div", { class: "find" }, input, count));
    input.addEventListener("input", () => {
      const words = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      rows.forEach((row, index) => { row.hidden = !words.every(word => texts[index].includes(word)); });
      for (const body of table.tBodies) body.hidden = [...body.rows].every(row => row.hidden || row.classList.contains("group"));
      count.textContent = words.length ? `${rows.filter(row => !row.hidden).length} of ${rows.length} rows` : "";
    });
  };

  // ---- begin ------------------------------------------------------------------------------

  readInks();
  for (const figure of document.querySelectorAll("[data-live]")) {
    const plot = run.plots.find(candidate => candidate.name === figure.dataset.name);
    if (figure.dataset.live === "gantt" && run.gantt.bars.length) new Gantt(figure, run.gantt);
    else if (plot && plot.lines.some(line => line.t.length)) new Lines(figure, plot);
  }
  for (const table of document.querySelectorAll("[data-sortable]")) sortable(table);
  for (const table of document.querySelectorAll("[data-filter]")) filterable(table);
  for (const question of ["(prefers-color-scheme: dark)", "print"])
    matchMedia(question).addEventListener("change", () => { readInks(); redraw(); });
  addEventListener("resize", redraw);
  redraw();
})();
