"""One supervision step as a function from tensors to tensors: the program, with its noise given."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gram_pyro.effects.given_noise import GivenNoise
from gram_pyro.errors import UserError
from gram_pyro.models import Fields, Gram, Model
from gram_pyro.models.base import Phase, State
from gram_pyro.models.heads import HeadLogits, Heads
from gram_pyro.tasks.base import Problems, Spec

Shape = tuple[str | int, ...]
"""A shape whose dimensions have a name where any size will do."""


class Step(nn.Module):
    """A supervision step of a model of the family of `gram`, from the tensors of `inputs` to those of `outputs`.

    A trajectory begins where `step` `(batch,)` is 0: `high` and `low` count for nothing there. It will have `total`
    steps. Relations have a row for each problem, and the latent of `fields` is `(batch, length, values, width)`. Raises
    `UserError` for any other model.
    """

    inputs: dict[str, Shape]
    """Names and shapes, in order. What ends in `_normal` is standard normal noise, in `_uniform` uniform on [0, 1)."""
    outputs: tuple[str, ...]
    """Names, in order: logits `(batch, length, values)`, both latents, the logits of the heads `(batch,)` if any."""

    def __init__(self, spec: Spec, model: Model, heads: Heads | None = None) -> None:
        super().__init__()
        if not isinstance(model, Gram):
            raise UserError(f"the model {type(model).__name__} has no step to export: it is not of the family of gram")
        self.model, self.heads, self.vocabulary = model, heads, spec.vocabulary
        self.inputs = shapes_of(spec, model)
        self.outputs = ("logits", "next_high", "next_low", *(() if heads is None else HeadLogits._fields))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run the program for one step."""
        given = dict(zip(self.inputs, inputs, strict=True))
        model, step, transitions = self.model, given["step"], self.model.transitions
        high, low, phase = given["high"].flatten(2), given["low"], None
        values = given["high"].shape[2] if isinstance(model, Fields) else None
        problems = Problems(given["tokens"], given.get("relations"), given["pins"], values, given.get("group"))
        if model.draft is not None:
            phase = Phase(step * transitions, given["total"] * transitions, given["tokens"])
        start, fresh = self.start(problems), (step == 0)[:, None, None]
        state = State(start.high.where(fresh, high), start.low.where(fresh, low), phase)
        noise = {name: part for name, part in given.items() if name.endswith(("_normal", "_uniform"))}
        if "guidance_normal" in noise:
            noise["guidance_normal"] = noise["guidance_normal"].flatten(3)
        with GivenNoise(noise):
            state, logits, _ = model(problems, steps=1, state=state, supervise="none")
        judged = () if self.heads is None else self.heads(state.high, problems)
        return logits, state.high.reshape(given["high"].shape), state.low, *judged

    def start(self, problems: Problems) -> State:
        """Return the state of a trajectory that begins."""
        model = self.model
        start = model.start_of(problems.tokens.shape[0], problems)
        return model.begin(start, problems, model.embed(problems), problems.relations)

    def examples(self, sizes: Mapping[str, int], step: int, seed: int) -> tuple[Tensor, ...]:
        """Return random inputs of the sizes "batch", "length" and "values", in step `step` of `step + 2`."""
        generator = torch.Generator().manual_seed(seed)
        ranges = {
            "tokens": (0, self.vocabulary), "relations": (0, 2), "pins": (-1, 2), "group": (0, 1),
            "step": (step, step + 1), "total": (step + 2, step + 3),
        }  # fmt: skip
        found = []
        for name, named in self.inputs.items():
            shape = [sizes[size] if isinstance(size, str) else size for size in named]
            if name in ranges:
                whole = torch.randint(*ranges[name], shape, generator=generator)
                found.append(whole.float() if name == "relations" else whole)
            else:
                draw = torch.rand if name.endswith("_uniform") else torch.randn
                found.append(draw(shape, generator=generator))
        return tuple(found)


def shapes_of(spec: Spec, model: Gram) -> dict[str, Shape]:
    """Return names and shapes of what a step of a model takes."""
    config, fields = model.config, isinstance(model, Fields)
    values = "values" if isinstance(model, Fields) and model.interchangeable else spec.classes
    latent: Shape = (values, config.width) if fields else (config.width,)
    memory: Shape = (values,) if config.remembers else (0,) if fields else latent
    draws = ("batch", model.transitions, "length")
    shapes: dict[str, Shape] = {"tokens": ("batch", "length")}
    if spec.relations:
        shapes["relations"] = ("batch", spec.relations, "length", "length")
    shapes["pins"] = ("batch", "length")
    if spec.groups and not fields:
        shapes["group"] = ("batch",)
    shapes |= {"high": ("batch", "length", *latent), "low": ("batch", "length", *memory)}
    shapes |= {"step": ("batch",), "total": ("batch",)}
    if model.draft is not None:
        shapes["draft_normal"] = (*draws, values)
        if model.draft.receiver == "mixture":
            shapes["draft_uniform"] = draws
    if config.guidance:
        shapes["guidance_normal"] = ("batch", model.transitions, 1 if config.pooled else "length", *latent)
    return shapes
