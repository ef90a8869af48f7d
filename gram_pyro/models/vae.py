"""A variational autoencoder: one latent vector a problem, and a Transformer that says the answer at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.models.base import Answers, Recursion, Supervise
from gram_pyro.models.layers import MAX_SIZE, Stack, rotary
from gram_pyro.models.sites import answer_site, guidance_site
from gram_pyro.models.transformer import Answered, Transformer, TransformerConfig
from gram_pyro.tasks.base import Problems, Spec


@dataclass(frozen=True)
class VaeConfig(TransformerConfig):
    """The shape of a decoder, and of the encoder beside it."""

    layers: int = 2
    """Blocks in a row."""
    latent: int = 32
    """Features of the latent vector z."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.latent <= MAX_SIZE:
            raise UserError(f"model.latent must lie between 1 and {MAX_SIZE:,}, not {self.latent}")


class Places(nn.Module):
    """What tells positions apart where neither tokens nor relations do: a linear map of sinusoids of their index."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width, bias=False)

    def forward(self, length: int) -> Tensor:
        """Return features `(length, width)`."""
        weight = self.project.weight
        half = weight.shape[1] // 2
        cosines, sines = rotary("1d", length, 2 * half, weight.device)  # type: ignore[misc]
        return self.project(torch.cat((cosines[:, :half], sines[:, :half]), 1))  # type: ignore[no-any-return]


class Vae(Transformer):
    """p(y | x) = integral of N(z; 0, I) prod_i p(y_i | x, z) dz: one step, whatever `steps` says.

    Site `guidance_1` is z `(batch, 1, latent)`, site `y_1` the answer. The decoder reads at position i
    `e_x[i] + A z + (B z) * place[i]`: the product lets z say other things at other positions, though problems may have
    any length and their positions no order. The guide `encoder` is q(z | x, y), and its KL is analytic.
    """

    Config: ClassVar = VaeConfig
    guide: ClassVar[str] = "encoder"
    recursion: Recursion = "none"
    recipe: ClassVar[Mapping[str, Any]] = {**Transformer.recipe, "beta": 1.0, "balance": None}
    compiled: ClassVar = ("predict",)
    config: VaeConfig

    def __init__(self, spec: Spec, config: VaeConfig | None = None) -> None:
        super().__init__(spec, config or VaeConfig())
        self.latent = self.config.latent
        self.places = Places(self.width)
        self.project_latent = nn.Linear(self.latent, 2 * self.width, bias=False)
        self.network = Stack(self.config.layers, *self.shape)

    def predict(self, embedded: Tensor, latent: Tensor, relations: Tensor | None) -> Tensor:
        """Return logits `(batch, length, classes)` of embedded problems `(batch, length, width)` and z."""
        length = embedded.shape[-2]
        everywhere, here = self.project_latent(latent).chunk(2, -1)
        features = embedded + everywhere + here * self.places(length)
        return self.decoder(self.network(features, relations, self.rotary(length, embedded.device)))  # type: ignore[no-any-return]

    def program(self, problems: Problems, targets: Tensor | None, steps: int, supervise: Supervise) -> Answered:
        """Draw z, and observe the answer."""
        embedded = self.embed(problems)
        location = embedded.new_zeros(len(embedded), 1, self.latent)
        latent = guidance_site(1, dist.Normal(location, torch.ones_like(location)).to_event(2), 1)
        logits = self.predict(embedded, latent, problems.relations)
        answer_site("y_1", Answers(logits), targets)
        return logits, None
