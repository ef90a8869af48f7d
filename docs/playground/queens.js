/* Queens on a board: how cells are related, and which queens attack each other. No network and no page here. */

/** Rows of a board. */
export const SIZES = [4, 5, 6, 7, 8, 9, 10, 12];

const lines = (size) => [
  (cell) => Math.floor(cell / size),
  (cell) => cell % size,
  (cell) => Math.floor(cell / size) + (cell % size),
  (cell) => Math.floor(cell / size) - (cell % size),
];

/** Return pairs of queens that attack each other. */
export function attacksOf(size, queens) {
  return queens.flatMap((first, i) =>
    queens
      .slice(i + 1)
      .filter((second) => lines(size).some((line) => line(first) === line(second)))
      .map((second) => [first, second]),
  );
}

/** Return the name of a cell, as chess players write it. */
export function nameOf(size, cell) {
  return `${String.fromCharCode(97 + (cell % size))}${size - Math.floor(cell / size)}`;
}

/** Return a sentence on the first attack, "" without one. */
export function complaint(size, queens) {
  const [pair] = attacksOf(size, queens);
  return pair ? `The queens on ${pair.map((cell) => nameOf(size, cell)).join(" and ")} attack each other; move one.` : "";
}

/** Return what the network reads of a board with these queens. */
export function problemOf(size, queens) {
  const cells = [...Array(size * size).keys()];
  const relations = lines(size).map((line) =>
    cells.map((cell) => cells.filter((other) => other !== cell && line(other) === line(cell))),
  );
  return { length: cells.length, kinds: [0, 1], relations, pins: cells.map((cell) => (queens.includes(cell) ? 1 : -1)) };
}

/** Return what is wrong with an answer `(cells,)` of 0 and 1: its number of conflicts, and the queens in them. */
export function judge(size, given, answer) {
  const queens = answer.flatMap((value, cell) => (value ? [cell] : []));
  const attacks = attacksOf(size, queens);
  const moved = given.filter((cell) => !answer[cell]);
  const conflicts = attacks.length + Math.abs(size - queens.length) + moved.length;
  return { conflicts, marks: new Set([...attacks.flat(), ...moved]) };
}
