/* Graphs: read from text, famous ones, laid out, and their colorings judged. No network and no page here.
 *
 * A graph is `{names, edges, places}`: `edges` are pairs of vertex numbers, `places` `[x, y]` from 0 to 1.
 */

export const MOST_VERTICES = 64;
const SEPARATOR = /\s+-\s+|\s*(?:<?[-=]{1,3}>|<[-=]{1,3}|--+|[→↔—,;|])\s*|\s+/;
const NAME = /^[^\s#{}()[\]"'%]+$/;
const INTEGER = /^-?\d{1,15}$/;

/** Return the graph that a text spells, in DIMACS or as a list of edges. Throws an Error of one sentence. */
export function parseGraph(text) {
  const lines = text.split(/\r?\n/).map((line, i) => ({ number: i + 1, line: line.trim() }));
  const filled = lines.filter(({ line }) => line && !/^[#%]/.test(line));
  if (!filled.length) throw new Error("The text is empty; write an edge such as “a b” in each line.");
  const dimacs = filled.some(({ line }) => /^p\s+\w+\s+\d+\s+\d+$/.test(line));
  const { names, edges } = dimacs ? parseDimacs(filled) : parseEdges(filled);
  const unique = new Map(edges.map(([u, v]) => [u < v ? `${u} ${v}` : `${v} ${u}`, u < v ? [u, v] : [v, u]]));
  return spread({ names, edges: [...unique.values()] });
}

function parseDimacs(lines) {
  let count = 0;
  const edges = [];
  for (const { number, line } of lines) {
    const [kind, ...words] = line.split(/\s+/);
    if (kind === "p") count = checked(Number(words[1]));
    else if (kind === "e") {
      const ends = words.map(Number);
      if (!count) throw new Error(`Line ${number}: an edge stands above “p edge VERTICES EDGES”.`);
      if (ends.length !== 2 || !ends.every((end) => Number.isInteger(end) && end >= 1 && end <= count))
        throw new Error(`Line ${number}: expected “e VERTEX VERTEX” with vertices from 1 to ${count}, not “${cut(line)}”.`);
      edges.push(joined(number, ends[0] - 1, ends[1] - 1));
    } else if (!["c", "n", "d", "v", "x"].includes(kind))
      throw new Error(`Line ${number}: expected “e VERTEX VERTEX”, not “${cut(line)}”.`);
  }
  return { names: numbers(count, 1), edges };
}

function parseEdges(lines) {
  let rows = lines.map(({ number, line }) => {
    const words = line.replace(/#.*$/, "").replace(/\{[^{}]*\}\s*$/, "").trim().split(SEPARATOR).filter(Boolean);
    const weighted = words.length === 3 && /^[-+]?\d*\.?\d+(e[-+]?\d+)?$/i.test(words[2]);
    if (!(words.length <= 2 || weighted) || !words.slice(0, 2).every((word) => NAME.test(word)))
      throw new Error(`Line ${number}: expected one or two vertex names, not “${cut(line)}”.`);
    return { number, words: words.slice(0, 2) };
  });
  rows = rows.filter(({ words }) => words.length);
  if (!rows.some(({ words }) => words.length === 2))
    throw new Error("No line has two vertex names, so this is no list of edges; an edge is a line such as “a b”.");
  const known = new Set();
  const [head, ...rest] = rows;
  if (rows.every(({ words }) => words.length === 2 && words.every((word) => INTEGER.test(word)))) {
    const [count, edges] = head.words.map(Number);
    const ends = rest.flatMap(({ words }) => words.map(Number));
    const first = ends.includes(0) ? 0 : 1;
    if (edges === rest.length && ends.every((end) => end >= first && end < first + count)) {
      numbers(checked(count), first).forEach((name) => known.add(name)); // the first line announces the sizes
      rows = rest;
    }
  }
  for (const { words } of rows) words.forEach((word) => known.add(word));
  const names = [...known];
  if (names.every((name) => INTEGER.test(name))) names.sort((a, b) => a - b);
  checked(names.length);
  const pairs = rows.filter(({ words }) => words.length === 2);
  return { names, edges: pairs.map(({ number, words }) => joined(number, ...words.map((word) => names.indexOf(word)))) };
}

function checked(count) {
  if (count >= 1 && count <= MOST_VERTICES) return count;
  throw new Error(`The graph has ${count || "no"} vertices; the page takes from 1 to ${MOST_VERTICES}.`);
}

function joined(number, u, v) {
  if (u === v) throw new Error(`Line ${number}: an edge from a vertex to itself, which no coloring allows.`);
  return [u, v];
}

const cut = (line) => (line.length > 40 ? `${line.slice(0, 40)}…` : line);
const numbers = (count, first) => Array.from({ length: count }, (_, i) => String(first + i));

/** Return a graph as a list of edges, vertices without any alone in a line. */
export function edgeList({ names, edges }) {
  const alone = names.filter((_, vertex) => !edges.some((edge) => edge.includes(vertex)));
  return [...edges.map(([u, v]) => `${names[u]} ${names[v]}`), ...alone].join("\n");
}

/** Return the graph with places: from a circle, joined vertices drawn together and all others apart. */
export function spread({ names, edges }) {
  const count = names.length;
  const places = names.map((_, i) => [Math.cos((2 * Math.PI * i) / count), Math.sin((2 * Math.PI * i) / count)]);
  const wanted = 1 / Math.sqrt(count);
  for (let round = 0; round < 200; round++) {
    const moves = places.map(([x, y]) => [-0.05 * x, -0.05 * y]);
    const push = (u, v, strength) => {
      const across = [places[u][0] - places[v][0], places[u][1] - places[v][1]];
      const distance = Math.hypot(...across) + 1e-6;
      across.forEach((part, axis) => {
        moves[u][axis] += (part / distance) * strength(distance);
        moves[v][axis] -= (part / distance) * strength(distance);
      });
    };
    for (let u = 0; u < count; u++) for (let v = 0; v < u; v++) push(u, v, (d) => (wanted * wanted) / d);
    for (const [u, v] of edges) push(u, v, (d) => -(d * d) / wanted);
    const heat = 0.1 * (1 - round / 200);
    places.forEach((place, i) => {
      const length = Math.hypot(...moves[i]) + 1e-6;
      place.forEach((_, axis) => (place[axis] += (moves[i][axis] / length) * Math.min(length, heat)));
    });
  }
  return { names, edges, places: fitted(places) };
}

/** Return places moved and scaled into the square from 0.08 to 0.92. */
function fitted(places) {
  const ranges = [0, 1].map((axis) => places.map((place) => place[axis]));
  const [low, high] = [ranges.map((all) => Math.min(...all)), ranges.map((all) => Math.max(...all))];
  const scale = 0.84 / Math.max(high[0] - low[0], high[1] - low[1], 1e-6);
  return places.map((place) => place.map((part, axis) => 0.5 + scale * (part - (low[axis] + high[axis]) / 2)));
}

/** Return what the network reads of a graph that `colors` colors are to color. */
export function problemOf({ names, edges }, colors) {
  const relatives = names.map((_, u) => edges.filter((e) => e.includes(u)).map(([a, b]) => (a === u ? b : a)));
  return { length: names.length, kinds: Array(colors).fill(0), relations: [relatives], pins: null };
}

/** Return the edges whose ends share a color. */
export function conflictsOf({ edges }, colors) {
  return edges.filter(([u, v]) => colors[u] === colors[v]);
}

/** Return colors renamed by first occurrence: the same for colorings that differ in names alone. */
export function canonical(colors) {
  const seen = new Map();
  return colors.map((color) => seen.get(color) ?? (seen.set(color, seen.size), seen.size - 1));
}
