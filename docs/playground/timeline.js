/* The slider back in time: it plays what was computed, at its own pace. */

const SECONDS = 2; // for all steps

export class Timeline {
  /** `shown` is called with each step that is to be seen. */
  constructor(slider, button, shown) {
    Object.assign(this, { slider, button, shown, playing: false, frontier: 0, place: 0 });
    slider.oninput = () => {
      this.pause();
      this.seek(Number(slider.value));
    };
    button.onclick = () => (this.playing ? this.pause() : this.play());
  }

  /** Begin at step 0 of so many. */
  reset(steps) {
    this.slider.max = steps;
    this.frontier = 0;
    this.seek(0);
    this.play();
  }

  /** Forget what was played. */
  clear() {
    this.pause();
    this.frontier = 0;
    this.seek(0);
  }

  /** Allow steps up to this one. */
  allow(step) {
    this.frontier = step;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches && this.playing) this.seek(step);
  }

  play() {
    if (this.place >= Number(this.slider.max)) this.place = 0;
    const start = !this.playing;
    this.playing = true;
    this.button.textContent = "Pause";
    this.then = performance.now();
    if (start) requestAnimationFrame(() => this.tick());
  }

  pause() {
    this.playing = false;
    this.button.textContent = "Play";
  }

  tick() {
    if (!this.playing) return;
    const now = performance.now();
    const most = Number(this.slider.max);
    const next = Math.min(this.frontier, this.place + ((now - this.then) * most) / (1000 * SECONDS));
    this.then = now;
    if (Math.floor(next) !== Math.floor(this.place)) this.seek(next);
    this.place = next;
    if (next >= most) return this.pause();
    requestAnimationFrame(() => this.tick());
  }

  /** Show a step. */
  seek(step) {
    this.place = step;
    this.slider.value = Math.floor(step);
    this.shown(Math.floor(step));
  }
}
