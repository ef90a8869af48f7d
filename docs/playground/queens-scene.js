/* The tab of queens: a board to click, and pictures of boards. */

import { fillBoard } from "./board.js";
import { entropies, label, theme } from "./paint.js";
import { complaint, judge, nameOf, problemOf, SIZES } from "./queens.js";

export const steps = 64;
export const legend = "Shaded cells are undecided. Ringed queens attack each other, or were yours and moved.";

/** Fill the tab; `changed` is called when the puzzle is another. */
export function mount(root, changed) {
  const [board, rows, clear, note] = ["board", "rows", "queens-clear", "queens-note"].map((id) => root.querySelector(`#${id}`));
  rows.append(...SIZES.map((size) => new Option(`${size} x ${size}`, size)));
  rows.value = 8;
  let queens = [0];

  function show() {
    const size = Number(rows.value);
    const cells = fillBoard(board, size, (cell) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: queens.includes(cell) ? "♛" : "" });
      button.className = (Math.floor(cell / size) + cell) % 2 && size % 2 === 0 ? "dark" : "";
      if (size % 2) button.className = cell % 2 ? "dark" : "";
      button.ariaLabel = nameOf(size, cell);
      button.ariaPressed = String(queens.includes(cell));
      button.onclick = () => {
        queens = queens.includes(cell) ? queens.filter((queen) => queen !== cell) : [...queens, cell];
        show()[cell].focus();
      };
      return button;
    });
    note.textContent = complaint(size, queens);
    changed();
    return cells;
  }

  rows.onchange = () => {
    queens = [];
    show();
  };
  clear.onclick = rows.onchange;
  show();
  return {
    checkpoint: () => "boards",
    task() {
      const size = Number(rows.value);
      const given = [...queens];
      if (complaint(size, given)) throw new Error(complaint(size, given));
      return {
        problem: problemOf(size, given),
        values: 2,
        judge: (answer) => judge(size, given, answer),
        key: (answer) => answer.join(""),
        paint: (context, pixels, frame) => paint(context, pixels, size, given, frame),
        noun: "board",
      };
    },
  };
}

function paint(context, pixels, size, given, { beliefs, answer }) {
  const colors = theme();
  const side = pixels / size;
  const { marks } = judge(size, given, answer);
  entropies(beliefs, 2).forEach((entropy, cell) => {
    const [row, column] = [Math.floor(cell / size), cell % size];
    context.fillStyle = colors[(row + column) % 2 ? "dark-cell" : "light-cell"];
    context.fillRect(column * side, row * side, side, side);
    context.globalAlpha = 0.7 * entropy;
    context.fillStyle = colors.accent;
    context.fillRect(column * side, row * side, side, side);
    context.globalAlpha = 1;
    if (!answer[cell]) return;
    const middle = [(column + 0.5) * side, (row + 0.5) * side];
    label(context, given.includes(cell) ? "♛" : "♕", middle, colors.ink, side * 0.8);
    if (!marks.has(cell)) return;
    context.beginPath();
    context.arc(...middle, side * 0.45, 0, 2 * Math.PI);
    context.strokeStyle = colors.wrong;
    context.lineWidth = 2.5;
    context.stroke();
  });
}
