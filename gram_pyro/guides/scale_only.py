"""A Gaussian posterior of which only the scale sees the answer."""

from gram_pyro.guides.gaussian import GaussianGuide


class ScaleOnlyGuide(GaussianGuide):
    """q(eps_t | u_t, y) with the prior's mean."""

    sees_mean = False
