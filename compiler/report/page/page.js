// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Draws the report that is in the page. Names of the model reach the page as text nodes and attribute values only. SVG
// rectangles are drawn once in coordinates of the data; zooming changes the view box, so that thousands stay quick.
'use strict';
(() => {
const report = JSON.parse(document.getElementById('report').textContent);
const profile = JSON.parse(document.getElementById('profile').textContent);
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 10000, LANE = 28, ROWS = 300;
// Of a packet of Hexagon: two instructions of 128 multiply-adds.
const PACKET_PEAK = 256;
const main = document.getElementById('main'), tip = document.getElementById('tip');

// --- small things ----------------------------------------------------------------------------------------------------
function el(tag, options, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(options || {}))
    if (key === 'class') node.className = value;
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return node;
}
function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  return node;
}
function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit + 1 < units.length) { value /= 1024; ++unit; }
  return value.toFixed(unit ? 1 : 0) + ' ' + units[unit];
}
function time(ps) {
  if (!ps) return '0 ms';
  if (ps >= 1e12) return (ps * 1e-12).toFixed(2) + ' s';
  if (ps >= 1e8) return (ps * 1e-9).toFixed(2) + ' ms';
  return (ps * 1e-6).toFixed(2) + ' µs';
}
function percent(part, whole) {
  const value = whole ? 100 * part / whole : 0;
  return value > 0 && value < 0.05 ? 'less than 0.1 %' : value.toFixed(1) + ' %';
}
const bound = (value, low) => value <= low ? 'optimal: equal to the lower bound' : 'at most ' + percent(Math.max(value - low, low / 1000), low) + ' above the bound';
const title = (command) => command.nodes.length ? command.nodes.join(' + ') : command.op;
const allocationTitle = (a) => (a.role === 'scratch' ? 'scratch of ' : '') + (a.nodes.join(' + ') || '(no source node)');
const kernelOf = (command) => command.kernel === undefined ? command.op : report.kernels[command.kernel].name;
const classOf = (command) => kernelOf(command).replace(/_\d+$/, '');
const start = (command) => command.start_ps || 0;
const end = (command) => command.end_ps === undefined ? command.predicted_ps || 0 : command.end_ps;

function showTip(event, lines) {
  tip.replaceChildren(el('b', {}, lines[0]), ...lines.slice(1).map((line) => el('div', {}, line)));
  tip.style.display = 'block';
  const width = tip.offsetWidth, height = tip.offsetHeight;
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, window.innerWidth - width - 8)) + 'px';
  tip.style.top = Math.max(4, event.clientY + 18 + height > window.innerHeight ? event.clientY - height - 10 : event.clientY + 18) + 'px';
}
function hideTip() { tip.style.display = 'none'; }
function section(name, ...children) {
  const node = el('section', {}, el('h2', {}, name), ...children.filter((child) => child !== ''));
  main.append(node);
  return node;
}
function legend(entries) {
  return el('div', { class: 'legend' }, ...entries.map(([name, color]) =>
    el('span', {}, el('i', { style: 'background: ' + color }), name)));
}
function table(heads, rows) {
  return el('div', { class: 'scroll' }, el('table', {},
    el('thead', {}, el('tr', {}, ...heads.map(([name, kind]) => el('th', { class: kind || '' }, name)))),
    el('tbody', {}, ...rows)));
}
const cell = (text, kind, hint) => el('td', hint ? { class: kind || '', title: hint } : { class: kind || '' }, String(text));

// --- what there is ---------------------------------------------------------------------------------------------------
const engines = report.machine.engines;
const allCommands = report.entries.flatMap((entry) => entry.commands);
const classTime = new Map();
for (const command of allCommands)
  classTime.set(classOf(command), (classTime.get(classOf(command)) || 0) + (command.predicted_ps || 0));
const classes = [...classTime.keys()].sort((a, b) => classTime.get(b) - classTime.get(a) || (a < b ? -1 : 1));
const classNumber = new Map(classes.map((name, index) => [name, index]));
const color = (number) => 'var(--c' + number % 8 + ')';
const engineNumber = new Map(engines.map((engine, index) => [engine.name, index]));
const samples = new Map();  // by index of the command in the report
for (const entry of report.entries)
  if (profile && profile.entry === entry.name)
    entry.commands.forEach((command, i) => samples.set(command.index, profile.commands[i]));
const measured = (command) => samples.has(command.index) ? samples.get(command.index).ns * 1000 : undefined;

const precisionOf = (command) => (command.precision || '') + (command.snr_db === undefined ? '' : ' ' + command.snr_db.toFixed(1) + ' dB');

function commandLines(command) {
  const lines = [title(command), kernelOf(command) + (command.variant ? ' (' + command.variant + ')' : '') + ' on ' + command.engine +
    (command.rows ? ', rows ' + command.rows.begin + ' to ' + command.rows.end : '')];
  lines.push('predicted ' + time(command.predicted_ps) + ', from ' + time(start(command)) + ' to ' + time(end(command)));
  const sample = samples.get(command.index);
  if (sample)
    lines.push('measured ' + time(sample.ns * 1000) + ' (median), from ' + time(sample.start_ns * 1000) + ' to ' + time(sample.end_ns * 1000) +
      (command.predicted_ps ? ', ratio ' + (sample.ns * 1000 / command.predicted_ps).toFixed(2) : ''));
  if (sample && sample.packets)
    lines.push(sample.packets + ' packets' + (command.multiply_adds ? ', ' + (command.multiply_adds / sample.packets).toFixed(1) + ' multiply-adds in one, at most ' + PACKET_PEAK : ''));
  if (command.precision)
    lines.push(precisionOf(command) + (command.precision_reason ? ', ' + command.precision_reason : ''));
  for (const a of command.alternatives || [])
    lines.push(a.engine + ': ' + a.reason + (a.cost_ps ? ', ' + time(a.cost_ps) : '') + (a.detail ? ', ' + a.detail : ''));
  return lines;
}

// --- head ------------------------------------------------------------------------------------------------------------
function card(name, value, note, kind) {
  return el('div', { class: 'card' }, el('span', { class: 'dim' }, name), el('b', {}, value), note ? el('span', { class: kind || 'dim' }, note) : '');
}
function drawHead() {
  const cards = el('div', { class: 'cards' });
  for (const entry of report.entries) {
    const last = entry.commands.reduce((most, command) => Math.max(most, end(command)), 0);
    const proof = entry.schedule;
    cards.append(card('entry ' + entry.name + ', predicted', time(last), proof ? bound(proof.makespan_ps, proof.lower_bound_ps) : '',
      proof && proof.optimal ? 'good' : 'dim'));
    if (profile && profile.entry === entry.name)
      cards.append(card('entry ' + entry.name + ', measured', time(profile.latency_ns.median * 1000), 'median of ' + profile.runs + ' runs'));
    if (entry.partition)
      cards.append(card('partition', time(entry.partition.value_ps), bound(entry.partition.value_ps, entry.partition.lower_bound_ps) +
        ' (' + entry.partition.method + ')', entry.partition.optimal ? 'good' : 'dim'));
  }
  for (const pool of report.pools) {
    if (pool.kind !== 'arena') continue;
    const separate = (pool.separate_arenas || []).reduce((sum, arena) => sum + arena.bytes, 0);
    cards.append(card('memory ' + pool.memory + '/' + pool.name, bytes(pool.bytes), bound(pool.bytes, pool.lower_bound) +
      (pool.greedy_by_size_bytes > pool.bytes ? '; greedy by size ' + bytes(pool.greedy_by_size_bytes) : '') +
      (separate ? '; an arena for each engine ' + bytes(separate) : ''), pool.bytes === pool.lower_bound ? 'good' : 'dim'));
  }
  cards.append(card('weights', bytes(report.weights.bytes), report.weights.tensors.length + ' tensors, ' + report.weights.place));
  document.getElementById('header').append(el('h1', {}, report.name),
    el('p', { class: 'dim' }, report.model + ' for machine ' + report.machine.name + ', ' + report.machine.workers + ' workers'), cards);
  section('Engines', table([['engine'], ['kind'], ['what'], ['workers', 'n'], ['commands', 'n'], ['busy', 'n']], engines.map((engine) => {
    const own = allCommands.filter((command) => command.engine === engine.name);
    return el('tr', {}, cell(engine.name), cell(engine.kind),
      engine.present === false ? cell('left out: ' + engine.absent_reason, 'bad') : cell(engine.cpu ? engine.cpu + ', ' + engine.triple : ''),
      cell(engine.workers === undefined ? '' : engine.workers, 'n'), cell(own.length, 'n'),
      cell(time(own.reduce((sum, command) => sum + end(command) - start(command), 0)), 'n'));
  })));
}

// --- engines at work at the same time --------------------------------------------------------------------------------
// Sums over [{engine, from, to}] in picoseconds; `together` is while two or more engines work.
function overlapOf(intervals) {
  const changes = intervals.filter((i) => i.from < i.to).flatMap((i) => [[i.from, i.engine, 1], [i.to, i.engine, -1]]).sort((a, b) => a[0] - b[0]);
  const running = new Map(), busy = new Map();
  let last = changes.length ? changes[0][0] : 0, together = 0, span = 0;
  for (const [at, engine, by] of changes) {
    const active = [...running].filter(([, count]) => count > 0).map(([name]) => name);
    for (const name of active) busy.set(name, (busy.get(name) || 0) + at - last);
    if (active.length > 1) together += at - last;
    span += at - last;
    last = at;
    running.set(engine, (running.get(engine) || 0) + by);
  }
  return { busy, together, span };
}
function overlapLine(name, intervals) {
  const overlap = overlapOf(intervals);
  if (overlap.busy.size < 2) return '';
  const parts = [name + ': engines at once ' + time(overlap.together) + ' of ' + time(overlap.span) + ' (' + percent(overlap.together, overlap.span) + ')'];
  for (const [engine, busy] of overlap.busy) parts.push(engine + ' busy ' + time(busy));
  return el('p', { class: 'dim overlap ' + name }, parts.join(', '));
}

// --- a plot that can be zoomed ---------------------------------------------------------------------------------------
// `x` runs from 0 to WIDTH. `describe` gives the lines of an element with data-i; `select`, `hover` are told of it.
function makePlot(height, formatAxis, describe, hover, select) {
  const view = { from: 0, to: WIDTH };
  const shapes = svg('svg', { preserveAspectRatio: 'none', role: 'img' });
  const over = svg('svg', { class: 'over' });
  const marker = svg('marker', { id: 'arrow' + makePlot.count, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' });
  marker.append(svg('path', { d: 'M0 0L8 4L0 8z' }));
  const plot = el('div', { class: 'plot', style: 'height: ' + height + 'px' }, shapes, over);
  const axis = el('div', { class: 'axis' });
  const arrowId = 'arrow' + makePlot.count++;
  function draw() {
    shapes.setAttribute('viewBox', view.from + ' 0 ' + (view.to - view.from) + ' ' + height);
    axis.replaceChildren();
    for (let i = 0; i <= 5; ++i)
      axis.append(el('span', { style: 'left: ' + 20 * i + '%' }, formatAxis((view.from + (view.to - view.from) * i / 5) / WIDTH)));
    over.replaceChildren();
  }
  function zoom(factor, at) {
    const width = Math.min(WIDTH, Math.max(WIDTH / 5000, (view.to - view.from) * factor));
    const middle = view.from + (view.to - view.from) * at;
    view.from = Math.max(0, Math.min(WIDTH - width, middle - width * at));
    view.to = view.from + width;
    draw();
  }
  plot.addEventListener('wheel', (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const box = plot.getBoundingClientRect();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - box.left) / box.width);
  }, { passive: false });
  let drag = null;
  plot.addEventListener('pointerdown', (event) => { drag = { x: event.clientX, from: view.from }; });
  plot.addEventListener('pointermove', (event) => {
    const width = view.to - view.from, box = plot.getBoundingClientRect();
    if (drag && event.buttons) {
      view.from = Math.max(0, Math.min(WIDTH - width, drag.from - (event.clientX - drag.x) / box.width * width));
      view.to = view.from + width;
      draw();
      return;
    }
    const index = event.target.dataset ? event.target.dataset.i : undefined;
    over.replaceChildren();
    if (index === undefined) return hideTip();
    showTip(event, describe(+index));
    if (hover) {
      over.append(marker);
      hover(+index, (x1, y1, x2, y2) => {
        const px = (x) => (x - view.from) / width * box.width;
        over.append(svg('path', { d: 'M' + px(x1) + ' ' + y1 + 'L' + px(x2) + ' ' + y2, 'marker-end': 'url(#' + arrowId + ')' }));
      });
    }
  });
  plot.addEventListener('pointerleave', () => { hideTip(); over.replaceChildren(); });
  plot.addEventListener('click', (event) => {
    if (select && event.target.dataset && event.target.dataset.i !== undefined && (!drag || Math.abs(event.clientX - drag.x) < 3))
      select(+event.target.dataset.i);
  });
  const controls = el('div', { class: 'bar' }, el('button', { onclick: () => zoom(0.5, 0.5) }, '+'), el('button', { onclick: () => zoom(2, 0.5) }, '−'),
    el('button', { onclick: () => { view.from = 0; view.to = WIDTH; draw(); } }, 'all'),
    el('span', { class: 'dim' }, 'drag to move, Ctrl and the wheel to zoom'));
  draw();
  return { shapes, plot, axis, controls };
}
makePlot.count = 0;

// --- timeline --------------------------------------------------------------------------------------------------------
function drawTimeline(entry) {
  const used = engines.filter((engine) => entry.commands.some((command) => command.engine === engine.name));
  const isMeasured = profile && profile.entry === entry.name;
  const lanes = [];
  for (const engine of used) {
    lanes.push({ engine: engine.name, measured: false });
    if (isMeasured) lanes.push({ engine: engine.name, measured: true });
  }
  if (!lanes.length) return;
  let total = 1;
  for (const command of entry.commands) {
    total = Math.max(total, end(command));
    if (isMeasured) total = Math.max(total, samples.get(command.index).end_ns * 1000);
  }
  const laneOf = (engine, wantMeasured) => lanes.findIndex((lane) => lane.engine === engine && lane.measured === wantMeasured);
  const producers = new Map();
  entry.commands.forEach((command, i) => { if (command.signals !== undefined) producers.set(command.signals, i); });
  const scale = WIDTH / total;
  const predicted = entry.commands.map((command) => ({ lane: laneOf(command.engine, false), from: start(command) * scale, to: end(command) * scale }));
  const arrow = (line, from, to) => {
    const a = predicted[from], b = predicted[to];
    line(a.to, a.lane * LANE + LANE / 2, b.from, b.lane * LANE + LANE / 2);
  };
  const hover = (i, line) => {
    for (const token of entry.commands[i].waits || []) if (producers.has(token)) arrow(line, producers.get(token), i);
    const own = entry.commands[i].signals;
    if (own !== undefined)
      entry.commands.forEach((command, j) => { if ((command.waits || []).includes(own)) arrow(line, i, j); });
  };
  const view = makePlot(lanes.length * LANE, (part) => time(part * total), (i) => commandLines(entry.commands[i]), hover,
    (i) => filterPlacement(title(entry.commands[i])));
  const shapes = document.createDocumentFragment();
  const add = (i, lane, from, to, isReal) => shapes.append(svg('rect', { class: isReal ? 'k measured' : 'k', x: from.toFixed(3), y: lane * LANE + 3,
    width: Math.max(to - from, 0.05).toFixed(3), height: LANE - 6, style: 'fill: ' + color(classNumber.get(classOf(entry.commands[i]))), 'data-i': i }));
  entry.commands.forEach((command, i) => {
    add(i, predicted[i].lane, predicted[i].from, predicted[i].to, false);
    const sample = isMeasured && samples.get(command.index);
    if (sample) add(i, laneOf(command.engine, true), sample.start_ns * 1000 * scale, sample.end_ns * 1000 * scale, true);
  });
  view.shapes.append(shapes);
  const names = el('div', { class: 'names' }, ...lanes.map((lane) => el('div', {}, lane.engine, ' ', el('span', { class: 'dim' }, lane.measured ? 'measured' : 'predicted'))));
  section('Timeline of entry ' + entry.name,
    overlapLine('predicted', entry.commands.map((command) => ({ engine: command.engine, from: start(command), to: end(command) }))),
    isMeasured ? overlapLine('measured', entry.commands.map((command) => samples.get(command.index)).map((sample) =>
      ({ engine: sample.engine, from: sample.start_ns * 1000, to: sample.end_ns * 1000 }))) : '', view.controls, el('div', { class: 'lanes' }, names, el('div', {}, view.plot, view.axis)),
    legend(classes.slice(0, 16).map((name, i) => [name, color(i)])));
}

// --- memory ----------------------------------------------------------------------------------------------------------
function drawMemory(pool, entry) {
  const first = entry.commands.length ? entry.commands[0].index : 0, count = Math.max(entry.commands.length, 1);
  const own = (report.allocations || []).map((a, i) => [a, i]).filter(([a]) => a.pool === pool.name && a.entry === entry.name);
  if (!own.length || !pool.bytes) return;
  const height = 360, peak = new Set(pool.peak && pool.peak.entry === entry.name ? pool.peak.allocations : []);
  const describe = (i) => {
    const a = report.allocations[i], command = (at) => title(entry.commands[at - first]);
    return [allocationTitle(a), bytes(a.bytes) + ' (' + a.bytes + ') at offset ' + a.offset, 'commands ' + a.first + ' to ' + a.last + ' of engine ' + a.engine,
      'first: ' + command(a.first), 'last: ' + command(a.last)].concat(peak.has(i) ? ['live at the peak'] : []);
  };
  const view = makePlot(height, (part) => 'command ' + Math.round(first + part * count), describe);
  const shapes = document.createDocumentFragment();
  for (const [a, i] of own) {
    const x = (a.first - first) / count * WIDTH, top = (1 - (a.offset + a.bytes) / pool.bytes) * height;
    shapes.append(svg('rect', { class: 'k' + (a.role === 'scratch' ? ' scratch' : '') + (peak.has(i) ? ' peak' : ''), x: x.toFixed(3), y: top.toFixed(3),
      width: ((a.last - a.first + 1) / count * WIDTH).toFixed(3), height: Math.max(a.bytes / pool.bytes * height, 0.3).toFixed(3),
      style: 'fill: ' + color(engineNumber.get(a.engine) || 0), 'data-i': i }));
  }
  view.shapes.append(shapes);
  const live = [...peak].slice(0, 20).map((i) => report.allocations[i]);
  section('Memory ' + pool.memory + '/' + pool.name + ' in entry ' + entry.name,
    el('p', { class: 'dim' }, bytes(pool.bytes) + ', ' + bound(pool.bytes, pool.lower_bound) + ' (' + pool.method + '). Time goes to the right, offsets up; outlined: live at the peak; pale: scratch.'),
    view.controls, view.plot, view.axis,
    legend(engines.filter((e) => own.some(([a]) => a.engine === e.name)).map((e) => [e.name, color(engineNumber.get(e.name))])),
    live.length ? table([['largest at the peak'], ['bytes', 'n'], ['commands', 'n']], live.map((a) =>
      el('tr', {}, cell(allocationTitle(a), 'name'), cell(bytes(a.bytes), 'n'), cell(a.first + ' to ' + a.last, 'n')))) : '');
}

// --- precision ------------------------------------------------------------------------------------------------------
function drawPrecisions() {
  const totals = new Map();
  let all = 0;
  for (const command of allCommands) {
    if (command.multiply_adds === undefined) continue;
    const key = command.engine + '\n' + command.precision;
    const total = totals.get(key) || { engine: command.engine, precision: command.precision, commands: 0, work: 0 };
    total.commands += 1;
    total.work += command.multiply_adds || 0;
    all += command.multiply_adds || 0;
    totals.set(key, total);
  }
  if (!totals.size) return;
  section('Precision', table([['engine'], ['precision'], ['commands', 'n'], ['multiply-adds', 'n'], ['share', 'n']], [...totals.values()].map((total) =>
    el('tr', {}, cell(total.engine), cell(total.precision), cell(total.commands, 'n'), cell(total.work, 'n'),
      cell(all ? (100 * total.work / all).toFixed(1) + ' %' : '', 'n')))));
}

// --- placement -------------------------------------------------------------------------------------------------------
let filterPlacement = () => {};
function drawPlacement() {
  const rated = engines.filter((engine) => allCommands.some((command) => (command.alternatives || []).some((a) => a.engine === engine.name)));
  const reasons = [...new Set(allCommands.flatMap((command) => (command.alternatives || []).map((a) => a.reason)))].sort();
  const state = { text: '', engine: '', reason: '', key: 'index', shown: ROWS };
  const options = (first, names) => [el('option', { value: '' }, first), ...names.map((name) => el('option', { value: name }, name))];
  const redraw = () => { state.shown = ROWS; draw(); };
  const input = el('input', { type: 'search', placeholder: 'source node, kernel, reason', 'aria-label': 'filter',
    oninput: () => { state.text = input.value.toLowerCase(); redraw(); } });
  const engine = el('select', { 'aria-label': 'engine', onchange: () => { state.engine = engine.value; redraw(); } }, ...options('every engine', engines.map((e) => e.name)));
  const reason = el('select', { 'aria-label': 'reason', onchange: () => { state.reason = reason.value; redraw(); } }, ...options('every reason', reasons));
  const body = el('tbody', {}), count = el('span', { class: 'dim' }), more = el('button', { onclick: () => { state.shown += 10 * ROWS; draw(); } }, 'show more');
  const keys = { index: (c) => c.index, predicted: (c) => -(c.predicted_ps || 0), measured: (c) => -(measured(c) || 0),
    ratio: (c) => -(measured(c) || 0) / (c.predicted_ps || Infinity), snr: (c) => c.snr_db === undefined ? Infinity : c.snr_db };
  const head = (name, key, kind) => el('th', { class: 'sort ' + (kind || ''), onclick: () => { state.key = key; redraw(); } }, name);
  const search = new Map(allCommands.map((c) => [c, [title(c), kernelOf(c), c.variant || '', c.engine,
    c.precision || '', c.precision_reason || '', ...(c.alternatives || []).map((a) => a.reason + ' ' + a.detail)].join(' ').toLowerCase()]));
  const isQuantised = allCommands.some((c) => c.multiply_adds !== undefined);
  function row(c) {
    const ps = measured(c);
    const cells = [cell(c.index, 'n'), cell(title(c), 'name'), cell(classOf(c) + (c.variant && c.variant !== classOf(c) ? ' (' + c.variant + ')' : '')),
      cell(c.engine + (c.rows ? ' rows ' + c.rows.begin + ' to ' + c.rows.end : '')), cell(time(c.predicted_ps), 'n')];
    if (isQuantised) cells.push(cell(precisionOf(c), c.precision_reason ? 'dim' : '', c.precision_reason));
    if (profile) cells.push(cell(ps === undefined ? '' : time(ps), 'n'), cell(ps === undefined || !c.predicted_ps ? '' : (ps / c.predicted_ps).toFixed(2), 'n'));
    for (const e of rated) {
      const a = (c.alternatives || []).find((x) => x.engine === e.name);
      cells.push(a ? cell((a.cost_ps ? time(a.cost_ps) + ' ' : '') + a.reason, a.reason === 'chosen' || a.reason === 'share' ? 'good' : '', a.detail) : cell(''));
    }
    return el('tr', {}, ...cells);
  }
  function draw() {
    const found = allCommands.filter((c) => (!state.text || search.get(c).includes(state.text)) && (!state.engine || c.engine === state.engine) &&
      (!state.reason || (c.alternatives || []).some((a) => a.reason === state.reason)));
    const key = keys[state.key];
    found.sort((a, b) => key(a) - key(b) || a.index - b.index);
    body.replaceChildren(...found.slice(0, state.shown).map(row));
    count.textContent = found.length + ' of ' + allCommands.length + ' commands';
    more.style.display = found.length > state.shown ? '' : 'none';
  }
  const heads = [head('#', 'index', 'n'), el('th', {}, 'source nodes'), el('th', {}, 'kernel'), el('th', {}, 'engine'), head('predicted', 'predicted', 'n')];
  if (isQuantised) heads.push(head('precision', 'snr'));
  if (profile) heads.push(head('measured', 'measured', 'n'), head('ratio', 'ratio', 'n'));
  for (const e of rated) heads.push(el('th', {}, 'on ' + e.name));
  const node = section('Placement', el('div', { class: 'bar' }, input, engine, reasons.length ? reason : '', count),
    el('div', { class: 'scroll' }, el('table', {}, el('thead', {}, el('tr', {}, ...heads)), body)), more);
  filterPlacement = (text) => { input.value = text; state.text = text.toLowerCase(); redraw(); node.scrollIntoView({ behavior: 'smooth' }); };
  draw();
}

// --- cost model, weights ---------------------------------------------------------------------------------------------
function drawErrors() {
  if (!profile) return;
  const groups = new Map();
  for (const command of allCommands) {
    const ps = measured(command);
    if (ps === undefined || command.kernel === undefined) continue;
    const key = [classOf(command), command.variant || '', command.engine].join('\n');
    const group = groups.get(key) || { command, count: 0, predicted: 0, measured: 0, worst: 0, worstAt: command };
    const off = command.predicted_ps && ps ? Math.max(ps / command.predicted_ps, command.predicted_ps / ps) : 0;
    ++group.count;
    group.predicted += command.predicted_ps || 0;
    group.measured += ps;
    if (off > group.worst) { group.worst = off; group.worstAt = command; }
    groups.set(key, group);
  }
  const ratio = (a, b) => b ? (a / b).toFixed(2) : '';
  section('Cost model against measurement', table([['kernel class'], ['engine'], ['commands', 'n'], ['predicted', 'n'], ['measured', 'n'], ['ratio', 'n'], ['worst', 'n'], ['at']],
    [...groups.values()].sort((a, b) => b.measured - a.measured).map((g) => el('tr', {}, cell(classOf(g.command) + (g.command.variant ? ' (' + g.command.variant + ')' : '')),
      cell(g.command.engine), cell(g.count, 'n'), cell(time(g.predicted), 'n'), cell(time(g.measured), 'n'), cell(ratio(g.measured, g.predicted), 'n'),
      cell(ratio(measured(g.worstAt), g.worstAt.predicted_ps), 'n'), cell(title(g.worstAt), 'name')))));
}
// Packets of instructions, which are not cycles.
function drawPackets() {
  const groups = new Map();
  for (const command of allCommands) {
    const sample = samples.get(command.index);
    if (!sample || !sample.packets) continue;
    const key = [classOf(command), command.variant || '', command.engine].join('\n');
    const group = groups.get(key) || { command, count: 0, packets: 0, work: 0 };
    ++group.count;
    group.packets += sample.packets;
    group.work += command.multiply_adds || 0;
    groups.set(key, group);
  }
  if (!groups.size) return;
  section('Packets', el('p', { class: 'dim' }, 'Counted by the engine. Packets are not cycles; at most ' + PACKET_PEAK + ' multiply-adds are in one.'),
    table([['kernel class'], ['engine'], ['commands', 'n'], ['packets', 'n'], ['multiply-adds a packet', 'n'], ['of the peak', 'n']],
      [...groups.values()].sort((a, b) => b.packets - a.packets).map((g) => el('tr', {},
        cell(classOf(g.command) + (g.command.variant ? ' (' + g.command.variant + ')' : '')), cell(g.command.engine), cell(g.count, 'n'), cell(g.packets, 'n'),
        cell(g.work ? (g.work / g.packets).toFixed(1) : '', 'n'), cell(g.work ? percent(g.work, g.packets * PACKET_PEAK) : '', 'n')))));
}
function drawWeights() {
  const tensors = [...report.weights.tensors].sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  if (!tensors.length) return;
  const shown = tensors.slice(0, 100);
  section('Weights', el('p', { class: 'dim' }, tensors.length + ' tensors, ' + bytes(report.weights.bytes) + ', ' + report.weights.place +
    (tensors.length > shown.length ? '; the largest ' + shown.length : '')),
    table([['name'], ['type'], ['bytes', 'n'], ['offset', 'n']], shown.map((w) =>
      el('tr', {}, cell(w.name, 'name'), cell(w.type), cell(bytes(w.bytes), 'n'), cell(w.offset, 'n')))));
}

drawHead();
report.entries.forEach(drawTimeline);
for (const pool of report.pools) if (pool.kind === 'arena') report.entries.forEach((entry) => drawMemory(pool, entry));
drawErrors();
drawPackets();
drawPrecisions();
drawPlacement();
drawWeights();
document.documentElement.dataset.drawn = 'true';
})();
