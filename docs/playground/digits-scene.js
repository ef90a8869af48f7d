/* The tab of digits: a sheet of them from nothing, or from some pixels. */

import { fillBoard } from "./board.js";
import { blackness, changed, problemOf, SIDE, UNKNOWN } from "./digits.js";
import { theme } from "./paint.js";

export const steps = 64, samples = 24;
export const legend = "Gray pixels are undecided. Framed pixels were yours and changed.";
const NAMES = ["empty", "filled", "unknown"];

/** Fill the tab; `edited` is called when the pixels are others. */
export function mount(root, edited) {
  const [board, clear] = ["pixels", "digits-clear"].map((id) => root.querySelector(`#${id}`));
  let pixels = Array(SIDE * SIDE).fill(UNKNOWN);
  const cells = fillBoard(board, SIDE, (cell) => {
    const button = document.createElement("button");
    button.type = "button";
    button.onclick = () => {
      pixels[cell] = { [UNKNOWN]: 1, 1: 0, 0: UNKNOWN }[pixels[cell]];
      show();
    };
    return button;
  });

  function show() {
    cells.forEach((button, cell) => {
      button.className = NAMES[pixels[cell]];
      button.ariaLabel = `row ${1 + Math.floor(cell / SIDE)}, column ${1 + (cell % SIDE)}: ${NAMES[pixels[cell]]}`;
    });
    edited();
  }

  clear.onclick = () => {
    pixels = pixels.map(() => UNKNOWN);
    show();
  };
  show();
  return {
    checkpoint: () => "digits",
    task() {
      const given = [...pixels];
      return {
        problem: problemOf(given),
        values: 16,
        judge: (answer) => ({ conflicts: changed(given, answer).length }),
        key: (answer) => answer.join(),
        paint: (context, size, frame) => paint(context, size, given, frame),
        noun: "image",
        free: given.every((pixel) => pixel === UNKNOWN),
      };
    },
  };
}

function paint(context, size, given, { beliefs, answer }) {
  const { paper, ink, wrong } = theme();
  const side = size / SIDE;
  const edge = (place) => Math.round(place * side);
  const square = (pixel) => {
    const [column, row] = [pixel % SIDE, Math.floor(pixel / SIDE)];
    return [edge(column), edge(row), edge(column + 1) - edge(column), edge(row + 1) - edge(row)];
  };
  context.fillStyle = paper;
  context.fillRect(0, 0, size, size);
  context.fillStyle = ink;
  blackness(beliefs).forEach((black, pixel) => {
    context.globalAlpha = Math.min(1, black); // a canvas ignores what rounding makes more than 1
    context.fillRect(...square(pixel));
  });
  context.globalAlpha = 1;
  context.strokeStyle = wrong;
  context.lineWidth = 2;
  for (const pixel of changed(given, answer)) {
    const [x, y, width, height] = square(pixel);
    context.strokeRect(x + 2, y + 2, width - 4, height - 4);
  }
}
