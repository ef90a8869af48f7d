/* What the page reads, and how it judges: run by `node --test`, with PLAYGROUND naming the folder of the page. */

import assert from "node:assert/strict";
import { test } from "node:test";

const load = (name) => import(`${process.env.PLAYGROUND}/${name}.js`);
const graphs = await load("graph");
const { FAMOUS } = await load("famous");
const sudokus = await load("sudoku");
const queens = await load("queens");
const digits = await load("digits");
const { draw, levels, noiseOf, pin } = await load("draft");

const SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179";

/** Return whether so many colors color a graph, by trying all. */
function colorable({ names, edges }, count) {
  const colors = Array(names.length).fill(-1);
  const place = (vertex) =>
    vertex === names.length ||
    [...Array(count).keys()].some((color) => {
      if (edges.some(([u, v]) => (u === vertex && colors[v] === color) || (v === vertex && colors[u] === color))) return false;
      colors[vertex] = color;
      if (place(vertex + 1)) return true;
      colors[vertex] = -1;
      return false;
    });
  return place(0);
}

test("edge lists: separators, names, headers, repeated edges, vertices alone", () => {
  const read = graphs.parseGraph("# a comment\nnorth, south\nsouth -> east\neast south 2.5\nalone\n");
  assert.deepEqual(read.names, ["north", "south", "east", "alone"]);
  assert.deepEqual(read.edges, [[0, 1], [1, 2]]);
  assert.deepEqual(graphs.parseGraph("10 2\n2 1").names, ["1", "2", "10"]);
  assert.deepEqual(graphs.parseGraph("5 3\n1 2\n2 3\n3 1").names, ["1", "2", "3", "4", "5"]);
  assert.deepEqual(graphs.parseGraph(graphs.edgeList(read)).edges, read.edges);
  assert.ok(read.places.flat().every((part) => part >= 0 && part <= 1));
});

test("DIMACS", () => {
  const { names, edges } = graphs.parseGraph("c a triangle with a tail\np edge 4 4\ne 1 2\ne 2 3\ne 1 3\ne 3 4\n");
  assert.deepEqual(names, ["1", "2", "3", "4"]);
  assert.deepEqual(edges, [[0, 1], [1, 2], [0, 2], [2, 3]]);
});

test("texts that are no graph are refused in a sentence", () => {
  const many = Array.from({ length: 65 }, (_, i) => `${i} ${i + 1}`).join("\n");
  const wrong = {
    "": /empty/, "a a": /line 1.*itself/i, "hello": /no list of edges/, "a b c d": /line 1/i, "{\"json\": 1}": /no list of edges/, "[1, 2]": /line 1/i,
    "p edge 3 1\ne 1 9": /from 1 to 3/, "p edge 900 0": /900 vertices.*64/, "p edge 3 1\nq 1 2": /line 2/i, [many]: /66 vertices.*64/,
  };
  for (const [text, reason] of Object.entries(wrong))
    assert.throws(() => graphs.parseGraph(text), (error) => reason.test(error.message) && error.message.endsWith("."));
});

test("famous graphs need the colors that they say, and have no edge twice", () => {
  for (const [name, { colors, make }] of Object.entries(FAMOUS)) {
    const graph = make();
    assert.equal(graph.names.length, graph.places.length, name);
    assert.equal(new Set(graph.edges.map((edge) => [...edge].sort().join())).size, graph.edges.length, name);
    assert.ok(graph.edges.flat().every((end) => end >= 0 && end < graph.names.length), name);
    assert.ok(colorable(graph, colors) && !colorable(graph, colors - 1), name);
  }
  const degrees = (name) => FAMOUS[name].make().edges.flat().reduce((all, end) => ((all[end] = (all[end] ?? 0) + 1), all), []);
  assert.deepEqual(degrees("Petersen graph"), Array(10).fill(3));
  assert.deepEqual(degrees("Icosahedron"), Array(12).fill(5));
});

test("colorings", () => {
  const graph = { names: ["a", "b", "c"], edges: [[0, 1], [1, 2]] };
  assert.deepEqual(graphs.conflictsOf(graph, [0, 0, 1]), [[0, 1]]);
  assert.deepEqual(graphs.canonical([2, 0, 2, 1]), [0, 1, 0, 2]);
  assert.deepEqual(graphs.problemOf(graph, 3).relations, [[[1], [0, 2], [1]]]);
});

test("Sudokus: framed and plain texts, and what is none", () => {
  const framed = SOLVED.replace(/(.{9})/g, (row) => `| ${row.replace(/(...)/g, "$1 |")}\n`).replace(/^/, "+---+---+---+\n");
  assert.deepEqual(sudokus.parseSudoku(framed), [...SOLVED].map(Number));
  assert.deepEqual(sudokus.parseSudoku("---------\n".repeat(9)), Array(81).fill(0));
  for (const { text } of Object.values(sudokus.EXAMPLES)) assert.equal(sudokus.complaint(sudokus.parseSudoku(text)), "");
  assert.throws(() => sudokus.parseSudoku("12345"), /81 cells.*has 5/);
  assert.throws(() => sudokus.parseSudoku("a".repeat(81)), /“a” is no digit/);
});

test("Sudokus: conflicts, changed givens, relatives", () => {
  const solved = [...SOLVED].map(Number);
  assert.equal(sudokus.complaint(solved), "");
  const wrong = solved.with(0, 3);
  assert.match(sudokus.complaint(wrong), /digit 3 .*row 1, column 1 and in row 1, column 2/);
  assert.ok(sudokus.wrongCells(wrong, solved).has(0) && sudokus.wrongCells(solved, solved).size === 0);
  assert.ok(sudokus.RELATIONS.every((relatives) => relatives.every((others, cell) => others.length === 8 && !others.includes(cell))));
});

test("queens: attacks, names, what counts as a conflict", () => {
  assert.match(queens.complaint(8, [0, 9]), /a8 and b7/);
  assert.equal(queens.complaint(4, [1, 7, 8, 14]), "");
  const answer = Array(16).fill(0);
  for (const cell of [1, 7, 8, 14]) answer[cell] = 1;
  assert.equal(queens.judge(4, [1], answer).conflicts, 0);
  assert.equal(queens.judge(4, [0], answer).conflicts, 1);
  assert.equal(queens.judge(4, [], answer.with(1, 0)).conflicts, 1);
  assert.deepEqual(queens.problemOf(4, [5]).relations[3][0], [5, 10, 15]);
});

test("noise is standard normal and a seed's own; pins are clean", () => {
  const { normal } = noiseOf(7);
  const drawn = Array.from({ length: 20000 }, normal);
  const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
  const square = drawn.reduce((sum, x) => sum + x * x, 0) / drawn.length;
  assert.ok(Math.abs(mean) < 0.03 && Math.abs(square - 1) < 0.05);
  assert.equal(noiseOf(7).normal(), drawn[0]);
  assert.notEqual(noiseOf(8).normal(), drawn[0]);
  assert.deepEqual([...pin([0.5, 0.5, 0.5, 0.5], [1, -1], 2)], [0, 1, 0.5, 0.5]);
  for (const schedule of ["cosine", "flow"]) {
    const [a, b] = levels(schedule, 5, 8);
    assert.ok(Math.abs(a * a + b * b - 1) < 1e-12);
  }
  const ends = [0, 7, 9].map((step) => Math.asin(levels("cosine", step, 8, [0.1, 0.4])[0]) / (Math.PI / 2));
  [0.1, 0.4, 0.4].forEach((time, i) => assert.ok(Math.abs(ends[i] - time) < 1e-12));
});

test("a mixture draws around one value, as often as it is predicted", () => {
  const { uniform } = noiseOf(1);
  const counts = [0, 0, 0];
  for (let i = 0; i < 3000; i++) {
    const draft = draw([0.2, 0, 0.8], 3, [0.5, 1], "mixture", { uniform, normal: () => 0 });
    assert.deepEqual([...draft].sort(), [0, 0, 0.5]);
    counts[draft.indexOf(0.5)]++;
  }
  assert.ok(counts[1] === 0 && Math.abs(counts[0] / 3000 - 0.2) < 0.03);
  assert.deepEqual([...draw([0.2, 0.8], 2, [0.5, 2], "mean", { normal: () => 1 })], [2.1, 2.4]);
});

test("digits: patches of known pixels, how black pixels are, what an answer changes", () => {
  const pixels = Array(64).fill(digits.UNKNOWN);
  [pixels[2], pixels[3], pixels[10], pixels[11]] = [1, 0, 1, 1];
  pixels[0] = 1;
  const { tokens, pins } = digits.problemOf(pixels);
  assert.deepEqual(pins, [-1, 11, ...Array(14).fill(-1)]);
  assert.deepEqual(tokens.slice(0, 3), [0, 16 + 11, 2]);
  assert.equal(digits.problemOf(Array(64).fill(digits.UNKNOWN)).pins, null);
  const beliefs = Float64Array.from({ length: 256 }, (_, i) => Number(i % 16 === 11));
  assert.deepEqual(digits.blackness(beliefs).slice(0, 4), [1, 0, 1, 0]);
  assert.deepEqual(digits.changed(pixels, Array(16).fill(11)), []);
  assert.deepEqual(digits.changed(pixels, Array(16).fill(3)), [0, 2]);
});
