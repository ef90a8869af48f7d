/* Famous graphs, drawn in rings. */

/** Return places of vertices in rings of so many, from the outermost inwards. */
function rings(...sizes) {
  return sizes.flatMap((size, ring) => {
    const radius = size === 1 ? 0 : 0.42 * (1 - ring / sizes.length);
    return Array.from({ length: size }, (_, i) => {
      const angle = (2 * Math.PI * i) / size - Math.PI / 2;
      return [0.5 + radius * Math.cos(angle), 0.5 + radius * Math.sin(angle)];
    });
  });
}

function graph(places, edges, names) {
  return { places, edges, names: names ?? places.map((_, i) => String(i + 1)) };
}

const range = (count) => [...Array(count).keys()];
const cycle = (count) => range(count).map((i) => [i, (i + 1) % count]);
const pairs = (count) => range(count).flatMap((u) => range(u).map((v) => [v, u]));

/** Return the generalised Petersen graph G(n, k): a ring, spokes, and a star inside. */
function petersen(n, k) {
  const star = range(n).map((i) => [n + i, n + ((i + k) % n)]);
  return graph(rings(n, n), [...cycle(n), ...range(n).map((i) => [i, n + i]), ...star]);
}

function grotzsch() {
  const copies = range(5).flatMap((i) => [[(i + 1) % 5, 5 + i], [(i + 4) % 5, 5 + i], [5 + i, 10]]);
  return graph(rings(5, 5, 1), [...cycle(5), ...copies]);
}

function australia() {
  const edges = [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [2, 4], [2, 5], [3, 4], [4, 5]];
  const places = [[0.15, 0.5], [0.45, 0.22], [0.5, 0.58], [0.8, 0.28], [0.85, 0.58], [0.72, 0.8], [0.78, 0.95]];
  return graph(places, edges, ["WA", "NT", "SA", "Q", "NSW", "V", "T"]);
}

function grid(rows, columns) {
  const places = range(rows * columns).map((i) => [
    0.1 + (0.8 * (i % columns)) / (columns - 1),
    0.1 + (0.8 * Math.floor(i / columns)) / (rows - 1),
  ]);
  const right = range(rows * columns).filter((i) => (i + 1) % columns).map((i) => [i, i + 1]);
  return graph(places, [...right, ...range((rows - 1) * columns).map((i) => [i, i + columns])]);
}

/** Each with the fewest colors that color it. */
export const FAMOUS = {
  "Petersen graph": { colors: 3, make: () => petersen(5, 2) },
  Cube: { colors: 2, make: () => petersen(4, 1) },
  "Wagner graph": { colors: 3, make: () => graph(rings(8), [...cycle(8), ...range(4).map((i) => [i, i + 4])]) },
  Octahedron: {
    colors: 3,
    make: () => graph(rings(3, 3), pairs(6).filter(([u, v]) => v - u !== 3)),
  },
  "Moser spindle": {
    colors: 4,
    make: () =>
      graph(rings(7), [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3], [0, 4], [0, 5], [4, 5], [4, 6], [5, 6], [3, 6]]),
  },
  "Grötzsch graph": { colors: 4, make: grotzsch },
  "Wheel of six": { colors: 4, make: () => graph(rings(5, 1), [...cycle(5), ...range(5).map((i) => [i, 5])]) },
  Icosahedron: {
    colors: 4,
    make: () => {
      const edges = range(5).flatMap((i) => {
        const next = (i + 1) % 5;
        return [[0, 1 + i], [1 + i, 1 + next], [1 + i, 6 + i], [1 + next, 6 + i], [6 + i, 6 + next], [6 + i, 11]];
      });
      return graph([[0.5, 0.04], ...rings(5, 5).map(([x, y]) => [x, 0.06 + 0.94 * y]), [0.5, 0.53]], edges);
    },
  },
  "Dodecahedron": { colors: 3, make: () => petersen(10, 2) },
  "Möbius–Kantor graph": { colors: 2, make: () => petersen(8, 3) },
  "Complete graph of five": { colors: 5, make: () => graph(rings(5), pairs(5)) },
  "States of Australia": { colors: 3, make: australia },
  "Grid of four by four": { colors: 2, make: () => grid(4, 4) },
};
