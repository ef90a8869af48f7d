/* A graph to click: vertices are added, dragged, joined and deleted, by pointer or by keyboard. */

import { MOST_VERTICES } from "./graph.js";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.03, DRAGGED = 0.015;
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

const inside = (part) => Math.min(0.97, Math.max(0.03, part));

function element(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export class Editor {
  /** Draw into `svg`; `tools` holds the buttons. `changed` and `refused` are called with nothing and a sentence. */
  constructor(svg, tools, { changed, refused }) {
    Object.assign(this, { svg, changed, refused, past: [], selected: null });
    this.graph = { names: [], edges: [], places: [] };
    svg.onpointerdown = (event) => this.press(event);
    svg.onpointermove = (event) => this.drag(event);
    svg.onpointerup = (event) => this.release(event);
    svg.onpointercancel = () => (this.pressed = null);
    svg.onkeydown = (event) => this.type(event);
    tools.onclick = ({ target }) => {
      const place = [0.2 + 0.6 * Math.random(), 0.2 + 0.6 * Math.random()];
      const does = { add: () => this.add(place), delete: () => this.remove(), clear: () => this.take(), undo: () => this.undo() };
      does[target.dataset?.does]?.();
    };
  }

  /** Show another graph, the empty one by default. */
  take(graph = { names: [], edges: [], places: [] }) {
    this.change(() => (this.graph = graph));
  }

  /** Change the graph so that it can be undone. */
  change(edit) {
    this.past.push(structuredClone(this.graph));
    edit();
    this.selected = null;
    this.refused("");
    this.draw();
    this.changed();
  }

  undo() {
    if (this.past.length < 2) return;
    this.graph = this.past.pop();
    this.selected = null;
    this.draw();
    this.changed();
  }

  add(place) {
    const { names, places } = this.graph;
    if (names.length >= MOST_VERTICES) return this.refused(`The page takes at most ${MOST_VERTICES} vertices.`);
    let number = names.length + 1;
    while (names.includes(String(number))) number++;
    this.change(() => {
      names.push(String(number));
      places.push(place.map(inside));
    });
    this.focus(`v${names.length - 1}`);
  }

  remove() {
    const [kind, number] = [this.selected?.[0], Number(this.selected?.slice(1))];
    if (kind === "e") this.change(() => this.graph.edges.splice(number, 1));
    if (kind === "v")
      this.change(() => {
        const { names, places, edges } = this.graph;
        names.splice(number, 1);
        places.splice(number, 1);
        const left = edges.filter((edge) => !edge.includes(number));
        this.graph.edges = left.map((edge) => edge.map((end) => (end > number ? end - 1 : end)));
      });
    this.focus(`${kind}${Math.max(0, number - 1)}`);
  }

  /** Join two vertices, or part them if they are joined. */
  toggle(u, v) {
    const { edges } = this.graph;
    const there = edges.findIndex((edge) => edge.includes(u) && edge.includes(v));
    this.change(() => (there < 0 ? edges.push([Math.min(u, v), Math.max(u, v)]) : edges.splice(there, 1)));
    this.focus(`v${v}`);
  }

  /** Select a vertex or an edge; a second vertex is joined to the first. */
  select(key) {
    const first = this.selected;
    if (key?.[0] === "v" && first?.[0] === "v" && first !== key) return this.toggle(Number(first.slice(1)), Number(key.slice(1)));
    this.selected = first === key ? null : key;
    this.draw();
    if (key) this.focus(key);
  }

  place({ clientX, clientY }) {
    const { left, top, width, height } = this.svg.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  }

  press(event) {
    const key = event.target.closest("[data-key]")?.dataset.key ?? null;
    this.pressed = { key, from: this.place(event), moved: false };
    this.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  drag(event) {
    const { pressed } = this;
    if (pressed?.key?.[0] !== "v") return;
    const here = this.place(event);
    if (!pressed.moved && Math.hypot(here[0] - pressed.from[0], here[1] - pressed.from[1]) < DRAGGED) return;
    if (!pressed.moved) this.past.push(structuredClone(this.graph));
    pressed.moved = true;
    this.graph.places[Number(pressed.key.slice(1))] = here.map(inside);
    this.draw();
  }

  release() {
    const { pressed } = this;
    this.pressed = null;
    if (!pressed) return;
    if (pressed.moved) this.changed();
    else if (pressed.key || this.selected) this.select(pressed.key);
    else this.add(pressed.from);
  }

  type(event) {
    const key = event.target.dataset?.key;
    if (!key) return;
    if (event.key === "Enter" || event.key === " ") this.select(key);
    else if (event.key === "Delete" || event.key === "Backspace") {
      this.selected = key;
      this.remove();
    } else if (event.key === "Escape") this.select(null);
    else if (ARROWS[event.key] && key[0] === "v") {
      const number = Number(key.slice(1));
      this.past.push(structuredClone(this.graph));
      this.graph.places[number] = this.graph.places[number].map((part, axis) => inside(part + ARROWS[event.key][axis]));
      this.draw();
      this.focus(key);
      this.changed();
    } else return;
    event.preventDefault();
  }

  focus(key) {
    this.svg.querySelector(`[data-key=${key}]`)?.focus();
  }

  draw() {
    const { names, edges, places } = this.graph;
    const chosen = (key) => (this.selected === key ? "chosen" : "");
    const button = (key, text) => ({ "data-key": key, tabindex: 0, role: "button", "aria-label": text, "aria-pressed": this.selected === key });
    const at = places.map((place) => place.map((part) => 100 * part));
    const radius = names.length > 30 ? 2.6 : 4;
    const joins = edges.map(([u, v], i) => {
      const ends = { x1: at[u][0], y1: at[u][1], x2: at[v][0], y2: at[v][1] };
      const name = `edge from ${names[u]} to ${names[v]}`;
      return element("g", { ...button(`e${i}`, name), class: `edge ${chosen(`e${i}`)}` }, element("line", { ...ends, class: "wide" }), element("line", ends));
    });
    const dots = names.map((name, v) => {
      const [x, y] = at[v];
      const text = element("text", { x, y, "font-size": Math.min(radius, (2.6 * radius) / name.length) }, name);
      return element("g", { ...button(`v${v}`, `vertex ${name}`), class: `vertex ${chosen(`v${v}`)}` }, element("circle", { cx: x, cy: y, r: radius }), text);
    });
    this.svg.replaceChildren(...joins, ...dots);
  }
}
