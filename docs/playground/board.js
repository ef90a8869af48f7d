/* A square of cells with one in the order of tabs, between which the arrow keys move. */

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** Fill `root` with `size * size` cells that `make` returns; arrow keys move between them. */
export function fillBoard(root, size, make) {
  const cells = Array.from({ length: size * size }, (_, cell) => make(cell));
  cells.forEach((each, cell) => {
    each.tabIndex = cell ? -1 : 0;
    each.onfocus = () => cells.forEach((other) => (other.tabIndex = other === each ? 0 : -1));
    each.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!move) return;
      const [row, column] = [Math.floor(cell / size) + move[0], (cell % size) + move[1]];
      if (row >= 0 && row < size && column >= 0 && column < size) cells[row * size + column].focus();
      event.preventDefault();
    });
  });
  root.style.setProperty("--size", size);
  root.replaceChildren(...cells);
  return cells;
}
