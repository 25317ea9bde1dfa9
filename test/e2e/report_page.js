// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the script of a report's page against the few parts of the DOM that it uses, and prints as JSON what came of it:
// all text, how many shapes and table rows, what the pointer is told over some of the shapes. Markup made of strings is
// refused. Usage: node report_page.js FILE.html
'use strict';
const fs = require('fs');
const page = fs.readFileSync(process.argv[2], 'utf8');

class Node {
  constructor(tag) {
    Object.assign(this, { tag, children: [], attributes: {}, style: {}, dataset: {}, listeners: {}, className: '', value: '', data: '' });
    this.offsetWidth = this.offsetHeight = 100;
  }
  set innerHTML(_) { throw new Error('innerHTML'); }
  set outerHTML(_) { throw new Error('outerHTML'); }
  setAttribute(key, value) {
    this.attributes[key] = String(value);
    if (key.startsWith('data-')) this.dataset[key.slice(5)] = String(value);
  }
  append(...nodes) {
    for (const node of nodes)
      if (node instanceof Node && node.tag === '#fragment') this.append(...node.children.splice(0));
      else if (node instanceof Node) this.children.push(node);
      else if (typeof node === 'string') this.children.push(Object.assign(new Node('#text'), { data: node }));
      else throw new Error('appended ' + node);
  }
  replaceChildren(...nodes) { this.children = []; this.append(...nodes); }
  addEventListener(name, listener) { (this.listeners[name] = this.listeners[name] || []).push(listener); }
  getBoundingClientRect() { return { left: 0, top: 0, width: 1000, height: 300 }; }
  scrollIntoView() {}
  get textContent() { return this.tag === '#text' ? this.data : this.children.map((c) => c.textContent).join(' '); }
  set textContent(text) { this.replaceChildren(String(text)); }
  *walk() { yield this; for (const child of this.children) yield* child.walk(); }
  fire(name, event) { for (const listener of this.listeners[name] || []) listener(Object.assign({ preventDefault() {} }, event)); }
}

function scriptText(id) {
  const open = `<script type="application/json" id="${id}">`;
  const from = page.indexOf(open) + open.length;
  return page.slice(from, page.indexOf('</script>', from));
}
const byId = Object.fromEntries(['header', 'main', 'tip', 'report', 'profile'].map((id) => [id, new Node('div')]));
for (const id of ['report', 'profile']) byId[id].textContent = scriptText(id);
const root = new Node('html');
global.document = { getElementById: (id) => byId[id], createElement: (tag) => new Node(tag), createElementNS: (_, tag) => new Node(tag),
  createDocumentFragment: () => new Node('#fragment'), documentElement: root };
global.window = { innerWidth: 1200, innerHeight: 800 };

const open = page.lastIndexOf('<script>') + '<script>'.length;
const before = process.hrtime.bigint();
(0, eval)(page.slice(open, page.indexOf('</script>', open)));
const milliseconds = Number((process.hrtime.bigint() - before) / 1000000n);

const all = () => [...byId.header.walk(), ...byId.main.walk()];
const count = (tag) => all().filter((node) => node.tag === tag).length;
const result = { drawn: root.dataset.drawn, milliseconds, rects: count('rect'), rows: count('tr'), arrows: 0, tips: [],
  tags: [...new Set(all().map((node) => node.tag))].sort(), headings: all().filter((node) => node.tag === 'h2').map((node) => node.textContent) };
for (const plot of all().filter((node) => node.className === 'plot')) {
  const shapes = plot.children[0].children;
  for (const shape of shapes.filter((_, i) => i % Math.ceil(shapes.length / 40) === 0)) {
    plot.fire('pointermove', { target: shape, clientX: 10, clientY: 10 });
    result.tips.push(byId.tip.children.map((line) => line.textContent));
    result.arrows += plot.children[1].children.filter((node) => node.tag === 'path').length;
  }
  plot.fire('wheel', { ctrlKey: true, deltaY: -1, clientX: 500 });
  plot.fire('pointerdown', { clientX: 500 });
  plot.fire('pointermove', { target: shapes[0], buttons: 1, clientX: 400, clientY: 10 });
  plot.fire('click', { target: shapes[0], clientX: 500 });
  plot.fire('pointerleave', {});
}
for (const node of all()) {
  if (node.tag === 'button' || node.className.startsWith('sort')) node.fire('click', {});
  if (node.tag === 'select') { node.value = ''; node.fire('change', {}); }
}
const input = all().find((node) => node.tag === 'input');
input.value = '';
input.fire('input', {});
result.text = byId.header.textContent + '\n' + byId.main.textContent;
input.value = 'no node is called this';
input.fire('input', {});
result.filtered = all().filter((node) => node.className === 'dim').map((node) => node.textContent).find((text) => text.endsWith(' commands'));
console.log(JSON.stringify(result));
