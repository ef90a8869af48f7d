/* What pictures of beliefs share: colors of the theme, and how undecided a position is. */

/** Return the colors of the theme that is on, as style.css has them. */
export function theme() {
  const style = getComputedStyle(document.documentElement);
  const take = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ...Object.fromEntries(["ink", "paper", "muted", "accent", "wrong", "light-cell", "dark-cell"].map((name) => [name, take(name)])),
    values: Array.from({ length: 8 }, (_, i) => take(`value-${i}`)),
  };
}

/** Return the entropy of each position's belief `(positions * values)`, from 0 (decided) to 1 (even). */
export function entropies(beliefs, values) {
  return Array.from({ length: beliefs.length / values }, (_, position) => {
    const row = beliefs.subarray(position * values, (position + 1) * values);
    return row.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0) / Math.log(values);
  });
}

/** Return the likeliest value of each position. */
export function answersOf(beliefs, values) {
  return Array.from({ length: beliefs.length / values }, (_, position) => {
    const row = beliefs.subarray(position * values, (position + 1) * values);
    return row.indexOf(Math.max(...row));
  });
}

/** Draw a line from `[x, y]` to `[x, y]`. */
export function line(context, from, to, color, width, dash = []) {
  context.beginPath();
  context.setLineDash(dash);
  context.moveTo(...from);
  context.lineTo(...to);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
  context.setLineDash([]);
}

/** Write text around `[x, y]`. */
export function label(context, text, [x, y], color, size, weight = "") {
  context.fillStyle = color;
  context.font = `${weight} ${size}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x, y + size * 0.05);
}
