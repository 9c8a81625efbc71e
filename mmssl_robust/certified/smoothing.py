"""The settings of a smoothed model and of its certificates."""

from dataclasses import dataclass

from scipy.stats import norm

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer, check_number

# Far beyond any use; from 1e13 or so draws that all agree, their share's bound rounds to 1, an infinite radius.
_MOST_DRAWS = 10**9
_MOST_SIGMA = 100.0  # pixels are in [0, 1]


@dataclass(frozen=True)
class Smoothing:
    """Gaussian noise, how often it is drawn, and how often a certificate may be wrong.

    Attributes:
        sigma: Standard deviation of the noise, for pixels in [0, 1].
        n0: Draws by which the class is chosen; medians need none.
        n: Further draws, by which it is certified.
        alpha: Probability that the certificate of an image at one radius is wrong.
        seed: Of the noise.

    Raises:
        UserError: If a number is none, or out of its range.

    Examples:
        >>> from mmssl_robust.certified import Smoothing
        >>> smoothing = Smoothing(sigma=0.25)
        >>> smoothing.radius(0.5), round(smoothing.radius(0.8413), 2)  # 84.13 % of a normal distribution is below sigma
        (0.0, 0.25)
        >>> round(smoothing.share(0.25), 4)
        0.8413
    """

    sigma: float
    n0: int = 100
    n: int = 1000
    alpha: float = 0.001
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(self.sigma, 'sigma', above=0, most=_MOST_SIGMA)
        check_integer(self.n0, 'n0', 1, _MOST_DRAWS)
        check_integer(self.n, 'n', 1, _MOST_DRAWS)
        if not check_number(self.alpha, 'alpha', above=0) < 1:
            raise UserError(f'alpha={self.alpha!r}: give a probability between 0 and 1')
        check_integer(self.seed, 'seed', 0)

    def share(self, radius: float) -> float:
        """How often the noisy image must keep its class for this L2 radius: Phi(radius / sigma)."""
        return float(norm.cdf(radius / self.sigma))

    def radius(self, share: float) -> float:
        """The L2 radius within which a class of such a share of the noisy images stays the most frequent one.

        It is sigma Phi^-1(share): Cohen, Rosenfeld, Kolter, *Certified Adversarial Robustness via Randomized
        Smoothing*, ICML 2019, theorem 1 with the bound 1 - share for all other classes.
        """
        return float(self.sigma * norm.ppf(share))
