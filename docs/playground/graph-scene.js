/* The tab of graphs: text and menus beside the editor, and pictures of colorings. */

import { Editor } from "./editor.js";
import { FAMOUS } from "./famous.js";
import { canonical, conflictsOf, edgeList, parseGraph, problemOf } from "./graph.js";
import { entropies, label, line, theme } from "./paint.js";

export const steps = 32;
export const legend = "Faint vertices are undecided. Dashed edges join two vertices of one color.";

/** Fill the tab; `changed` is called when the puzzle is another. */
export function mount(root, changed) {
  const [menu, colors, text, read, note] = ["famous", "colors", "graph-text", "graph-read", "graph-note"].map((id) =>
    root.querySelector(`#${id}`),
  );
  let written = "";
  const editor = new Editor(root.querySelector("#editor"), root.querySelector("#graph-tools"), {
    changed: () => {
      if (text.value === written) text.value = written = edgeList(editor.graph);
      changed();
    },
    refused: (sentence) => (note.textContent = sentence),
  });
  menu.append(...Object.keys(FAMOUS).map((name) => new Option(name)));
  const choose = () => {
    const { make, colors: fewest } = FAMOUS[menu.value];
    colors.value = Math.max(3, fewest);
    note.textContent = "";
    editor.take(make());
  };
  menu.onchange = choose;
  colors.onchange = () => changed();
  read.onclick = () => {
    try {
      const graph = parseGraph(text.value);
      written = null; // what was read stays as it was written
      editor.take(graph);
      written = text.value;
    } catch (error) {
      note.textContent = error.message; // the text and the graph stay
    }
  };
  choose();
  return {
    checkpoint: () => "coloring",
    task() {
      const graph = structuredClone(editor.graph);
      if (!graph.names.length) throw new Error("The graph has no vertices; click into the field to add one.");
      const count = Number(colors.value);
      return {
        problem: problemOf(graph, count),
        values: count,
        judge: (answer) => ({ conflicts: conflictsOf(graph, answer).length }),
        key: (answer) => canonical(answer).join(),
        paint: (context, size, frame) => paint(context, size, graph, count, frame),
        noun: "coloring",
      };
    },
  };
}

function paint(context, size, { edges, places }, colors, { beliefs, answer }) {
  const { ink, muted, paper, values } = theme();
  const at = places.map((place) => place.map((part) => part * size));
  const radius = size * Math.min(0.055, 0.3 / Math.sqrt(places.length));
  for (const [u, v] of edges) line(context, at[u], at[v], muted, 1);
  for (const [u, v] of conflictsOf({ edges }, answer)) line(context, at[u], at[v], ink, 3.5, [5, 3]);
  entropies(beliefs, colors).forEach((entropy, vertex) => {
    context.beginPath();
    context.arc(...at[vertex], radius, 0, 2 * Math.PI);
    context.fillStyle = paper;
    context.fill();
    context.globalAlpha = 1 - 0.9 * entropy;
    context.fillStyle = values[answer[vertex] % values.length];
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = ink;
    context.lineWidth = 1;
    context.stroke();
    if (entropy < 0.5) label(context, answer[vertex] + 1, at[vertex], answer[vertex] === 4 ? "#fff" : "#000", radius * 1.3);
  });
}
