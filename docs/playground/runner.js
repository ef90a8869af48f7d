/* The workers, from the page's side. */

const MOST_WORKERS = 4;

export class Runner {
  /** `onFrame` gets each step of each trajectory, `onError` a sentence. */
  constructor(onFrame, onError) {
    const count = Math.max(1, Math.min(MOST_WORKERS, navigator.hardwareConcurrency || 2));
    this.run = 0;
    this.workers = Array.from({ length: count }, () => {
      const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }) => {
        if (data.run !== this.run) return;
        if (data.error) onError(data.error);
        else onFrame(data);
      };
      worker.onerror = () => onError("The browser cannot run workers of modules; take a newer one.");
      return worker;
    });
  }

  /** Run `samples` trajectories of `steps` steps; what ran before stops. */
  start({ checkpoint, problem, samples, steps, seed }) {
    this.run++;
    this.workers.forEach((worker, i) => {
      const share = [...Array(samples).keys()].filter((sample) => sample % this.workers.length === i);
      worker.postMessage({ run: this.run, checkpoint, problem, samples: share, steps, seed });
    });
  }

  /** End one trajectory before its last step. */
  halt(sample) {
    this.workers[sample % this.workers.length].postMessage({ run: this.run, halt: sample });
  }

  /** Stop all. */
  stop() {
    this.run++;
    this.workers.forEach((worker) => worker.postMessage({ run: this.run, stop: true }));
  }
}
