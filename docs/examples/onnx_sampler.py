"""Color a graph with an exported network, without torch: python onnx_sampler.py coloring.onnx"""

import sys

import numpy as np
import onnxruntime


def sample(session, problems, steps, seed=0):
    """Return the answer of one trajectory for each problem, `(batch, length)`."""
    draws, (batch, length) = np.random.default_rng(seed), problems["tokens"].shape
    sizes = {"batch": batch, "length": length, "values": int(session.get_modelmeta().custom_metadata_map["values"])}
    shapes = {part.name: [sizes.get(size, size) for size in part.shape] for part in session.get_inputs()}
    state = {name: np.zeros(shapes[name], np.float32) for name in ("high", "low")}
    for step in range(steps):
        moment = {"step": np.full(batch, step), "total": np.full(batch, steps)}
        noise = {name: draws.standard_normal(shapes[name], np.float32) for name in shapes if name.endswith("_normal")}
        noise |= {name: draws.random(shapes[name], np.float32) for name in shapes if name.endswith("_uniform")}
        logits, state["high"], state["low"], *_ = session.run(None, problems | state | moment | noise)
    return logits.argmax(-1)


if __name__ == "__main__":
    edges = [edge for i in range(5) for edge in ((i, (i + 1) % 5), (i, i + 5), (i + 5, (i + 2) % 5 + 5))]  # Petersen's
    ends, relations = np.array(edges).T, np.zeros((20, 1, 10, 10), np.float32)
    relations[:, 0, ends, ends[::-1]] = 1
    problems = {"tokens": np.zeros((20, 10), np.int64), "relations": relations, "pins": np.full((20, 10), -1)}
    answers = sample(onnxruntime.InferenceSession(sys.argv[1]), problems, 64).tolist()
    right = [tuple(answer) for answer in answers if all(answer[u] != answer[v] for u, v in edges)]
    print(f"{len(right)} of {len(answers)} samples color the graph, in {len({*right})} ways: {right[:1]} ...")
