/* Sudokus: read from text, and judged. No network and no page here. */

const SIDE = 9, CELLS = 81;
const UNITS = [(cell) => Math.floor(cell / 9), (cell) => cell % 9, (cell) => 3 * Math.floor(cell / 27) + Math.floor((cell % 9) / 3)];
const cells = [...Array(CELLS).keys()];

/** For each of row, column and box the other cells that share it with a cell. */
export const RELATIONS = UNITS.map((unit) =>
  cells.map((cell) => cells.filter((other) => other !== cell && unit(other) === unit(cell))),
);

/** Return the digits of a text, 0 where blank `(81,)`. Throws an Error of one sentence. */
export function parseSudoku(text) {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*$/, "").trim());
  const marksOf = (rows) => [...rows.join("").replace(/[\s|,;+=]/g, "")];
  const firm = marksOf(lines.filter((line) => !/^[-+=|_\s]+$/.test(line))); // without what may be a frame
  const marks = firm.length === CELLS ? firm : marksOf(lines.filter((line) => !line.includes("-+-")));
  const wrong = marks.findIndex((mark) => !/[0-9._*xX?-]/.test(mark));
  if (wrong >= 0) throw new Error(`“${marks[wrong]}” is no digit from 1 to 9, nor . or 0 for a blank.`);
  if (marks.length !== CELLS)
    throw new Error(`A Sudoku has 81 cells, and the text has ${marks.length}: write each of them, . for a blank.`);
  return marks.map((mark) => (/[1-9]/.test(mark) ? Number(mark) : 0));
}

/** Return pairs of cells that may not have the same digit and do; blanks (0) are never in conflict. */
export function conflictsOf(digits) {
  const pairs = [];
  for (const first of cells)
    for (const second of cells)
      if (first < second && digits[first] && digits[first] === digits[second])
        if (UNITS.some((unit) => unit(first) === unit(second))) pairs.push([first, second]);
  return pairs;
}

/** Return a sentence on the first conflict, "" without one. */
export function complaint(digits) {
  const [pair] = conflictsOf(digits);
  if (!pair) return "";
  const where = pair.map((cell) => `row ${1 + Math.floor(cell / SIDE)}, column ${1 + (cell % SIDE)}`);
  return `The digit ${digits[pair[0]]} stands twice, in ${where.join(" and in ")}; change one of them.`;
}

/** Return what the network reads of a puzzle `(81,)`. */
export function problemOf(digits) {
  return { length: CELLS, kinds: Array(SIDE).fill(0), relations: RELATIONS, pins: digits.map((digit) => digit - 1) };
}

/** Return the cells of an answer `(81,)`, digits from 1, that break a rule or change a given. */
export function wrongCells(puzzle, answer) {
  const changed = cells.filter((cell) => puzzle[cell] && puzzle[cell] !== answer[cell]);
  return new Set([...conflictsOf(answer).flat(), ...changed]);
}

/** Puzzles, each with a network and a number of steps that suit it. */
export const EXAMPLES = {
  "A medium one": {
    text: "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
    network: "sudoku",
    steps: 64,
  },
  "One with many solutions": {
    text: "53..7....6...95....9.....6.8...6...34....3..17...2.....6....28....4.9..5....8....",
    network: "sudoku_extreme",
    steps: 128,
  },
  "Inkala’s, a famous hard one": {
    text: "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
    network: "sudoku_extreme",
    steps: 256,
  },
  "An empty grid": { text: ".".repeat(CELLS), network: "grids", steps: 64 },
};
