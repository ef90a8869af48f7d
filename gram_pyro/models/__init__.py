"""p(y, trajectory | x): what can be trained, one model a file."""

from gram_pyro.models.autoregressive import Autoregressive
from gram_pyro.models.base import Model
from gram_pyro.models.d3pm import D3pm
from gram_pyro.models.direct import Direct
from gram_pyro.models.fields import Fields
from gram_pyro.models.gram import Gram, GramConfig
from gram_pyro.models.hrm import Hrm
from gram_pyro.models.looped import Looped
from gram_pyro.models.mdlm import Mdlm
from gram_pyro.models.trm import Trm
from gram_pyro.models.vae import Vae
from gram_pyro.registry import Registry

MODELS = Registry(
    "model", Model, gram=Gram, fields=Fields, looped=Looped, trm=Trm, hrm=Hrm, direct=Direct, ar=Autoregressive,
    mdlm=Mdlm, d3pm=D3pm, vae=Vae,
)  # fmt: skip

__all__ = [
    "MODELS", "Autoregressive", "D3pm", "Direct", "Fields", "Gram", "GramConfig", "Hrm", "Looped", "Mdlm", "Model",
    "Trm", "Vae",
]  # fmt: skip
