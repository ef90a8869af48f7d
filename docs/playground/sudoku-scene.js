/* The tab of Sudokus: a grid to type into or to paste into, and pictures of grids. */

import { fillBoard } from "./board.js";
import { entropies, label, line, theme } from "./paint.js";
import { complaint, conflictsOf, EXAMPLES, parseSudoku, problemOf, wrongCells } from "./sudoku.js";

export const steps = 64;
export const legend = "Shaded cells are undecided. Underlined digits break a rule.";

/** Fill the tab; `changed` is called when the puzzle is another. */
export function mount(root, changed) {
  const [grid, menu, network, text, read, note] = ["grid", "sudokus", "network", "sudoku-text", "sudoku-read", "sudoku-note"].map(
    (id) => root.querySelector(`#${id}`),
  );
  let digits = Array(81).fill(0);
  const cells = fillBoard(grid, 9, (cell) => {
    const input = document.createElement("input");
    Object.assign(input, { inputMode: "numeric", maxLength: 1, autocomplete: "off" });
    input.ariaLabel = `row ${1 + Math.floor(cell / 9)}, column ${1 + (cell % 9)}`;
    input.oninput = () => {
      const typed = input.value.trim();
      if (/^[1-9]?$/.test(typed)) digits[cell] = Number(typed);
      else input.value = digits[cell] || "";
      show();
    };
    input.onpaste = (event) => {
      const pasted = event.clipboardData.getData("text");
      if (pasted.trim().length < 2) return;
      event.preventDefault();
      text.value = pasted;
      take(pasted);
    };
    return input;
  });

  /** Mark conflicts, and say the first. */
  function show() {
    const wrong = new Set(conflictsOf(digits).flat());
    cells.forEach((input, cell) => {
      input.value = digits[cell] || "";
      input.ariaInvalid = String(wrong.has(cell));
    });
    note.textContent = complaint(digits);
    changed();
  }

  function take(written) {
    try {
      digits = parseSudoku(written);
      show();
    } catch (error) {
      note.textContent = error.message; // the text and the grid stay
    }
  }

  menu.append(...Object.keys(EXAMPLES).map((name) => new Option(name)));
  const choose = () => {
    const example = EXAMPLES[menu.value];
    network.value = example.network;
    take(example.text);
    changed(example.steps);
  };
  menu.onchange = choose;
  read.onclick = () => take(text.value);
  network.onchange = () => changed();
  choose();
  return {
    checkpoint: () => network.value,
    task() {
      const puzzle = [...digits];
      if (complaint(puzzle)) throw new Error(complaint(puzzle));
      return {
        problem: problemOf(puzzle),
        values: 9,
        judge: (answer) => ({ conflicts: wrongCells(puzzle, answer.map((value) => value + 1)).size }),
        key: (answer) => answer.join(),
        paint: (context, size, frame) => paint(context, size, puzzle, frame),
        noun: "grid",
      };
    },
  };
}

function paint(context, size, puzzle, { beliefs, answer }) {
  const { ink, muted, accent, wrong, paper } = theme();
  const side = size / 9;
  const digits = answer.map((value) => value + 1);
  const broken = wrongCells(puzzle, digits);
  context.fillStyle = paper;
  context.fillRect(0, 0, size, size);
  entropies(beliefs, 9).forEach((entropy, cell) => {
    const [x, y] = [(cell % 9) * side, Math.floor(cell / 9) * side];
    context.globalAlpha = puzzle[cell] ? 0 : 0.6 * entropy;
    context.fillStyle = accent;
    context.fillRect(x, y, side, side);
    context.globalAlpha = 1 - 0.6 * entropy * !puzzle[cell];
    const bad = broken.has(cell);
    label(context, digits[cell], [x + side / 2, y + side / 2], bad ? wrong : ink, side * 0.65, puzzle[cell] ? "bold" : "");
    if (bad) line(context, [x + side * 0.25, y + side * 0.88], [x + side * 0.75, y + side * 0.88], wrong, 2);
    context.globalAlpha = 1;
  });
  for (let i = 0; i <= 9; i++) {
    const [color, width] = i % 3 ? [muted, 0.5] : [ink, 1.5];
    line(context, [i * side, 0], [i * side, size], color, width);
    line(context, [0, i * side], [size, i * side], color, width);
  }
}
