"""A Gaussian posterior of which only the mean sees the answer."""

from gram_pyro.guides.gaussian import GaussianGuide


class MeanOnlyGuide(GaussianGuide):
    """q(eps_t | u_t, y) with the prior's scale."""

    sees_scale = False
