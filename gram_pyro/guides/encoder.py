"""The encoder of a variational autoencoder."""

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from gram_pyro.errors import UserError
from gram_pyro.guides.base import Guide
from gram_pyro.models.base import Model
from gram_pyro.models.layers import Decoder, Stack
from gram_pyro.models.vae import Places, Vae
from gram_pyro.tasks.base import Spec


class EncoderGuide(Guide):
    """q(z | x, y) = N(mu(x, y), sigma(x, y)^2 I): attention over x and y, and a mean over the positions that have an
    answer. For the model `Vae` alone."""

    def __init__(self, spec: Spec, model: Model) -> None:
        """Raise `UserError` for another model."""
        super().__init__(model)
        if not isinstance(model, Vae):
            raise UserError(f"the guide encoder is for the model vae, not for {type(model).__name__}")
        self.answer_embedding = nn.Embedding(spec.classes + 1, model.width)
        self.places = Places(model.width)
        self.network = Stack(model.config.layers, *model.shape)
        self.project_out = Decoder(model.width, 2 * model.latent)

    def features(self, model: Vae, targets: Tensor) -> Tensor:
        """Return what each position knows of x and y, `(batch, length, width)`."""
        length = targets.shape[1]
        read = model.embed(self.problems) + self.answer_embedding(targets + 1) + self.places(length)
        return self.network(read, self.problems.relations, model.rotary(length, read.device))  # type: ignore[no-any-return]

    def get_posterior(self, name: str, prior: dist.TorchDistribution) -> dist.TorchDistribution:
        """Return the Gaussian of z: batch shape `(batch,)`, event shape `(1, latent)`."""
        model, targets = self._model[0], self.targets
        assert isinstance(model, Vae) and targets is not None
        answered = (targets >= 0)[..., None]
        mean = (self.features(model, targets) * answered).sum(-2, keepdim=True) / answered.sum(-2, keepdim=True)
        location, log_scale = self.project_out(mean).chunk(2, -1)
        return dist.Normal(location, torch.exp(4 * torch.tanh(log_scale / 4))).to_event(2)  # type: ignore[no-any-return]
