"""Direct prediction: a Transformer says the whole answer at once."""

from typing import ClassVar

from torch import Tensor

from gram_pyro.models.base import Answers, Recursion, Supervise
from gram_pyro.models.layers import Stack
from gram_pyro.models.sites import answer_site
from gram_pyro.models.transformer import Answered, Transformer, TransformerConfig
from gram_pyro.tasks.base import Problems, Spec


class Direct(Transformer):
    """p(y | x) = prod_i p(y_i | x): independent positions given the input, one site `y_1`. Ignores `steps`."""

    draws = False
    recursion: Recursion = "none"
    compiled: ClassVar = ("predict",)

    def __init__(self, spec: Spec, config: TransformerConfig | None = None) -> None:
        super().__init__(spec, config)
        self.network = Stack(self.config.layers, *self.shape)

    def predict(self, embedded: Tensor, relations: Tensor | None) -> Tensor:
        """Return logits `(batch, length, classes)` of embedded problems `(batch, length, width)`."""
        positions = self.rotary(embedded.shape[-2], embedded.device)
        return self.decoder(self.network(embedded, relations, positions))  # type: ignore[no-any-return]

    def program(self, problems: Problems, targets: Tensor | None, steps: int, supervise: Supervise) -> Answered:
        """Predict and observe."""
        logits = self.predict(self.embed(problems), problems.relations)
        answer_site("y_1", Answers(logits), targets)
        return logits, None
