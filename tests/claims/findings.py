"""docs/findings.md."""

from tests.claims.sources import COLORING, bound, compared, figure, reached

EXTREME = "quality/sudoku-extreme-drafts-h200"
GUIDANCE, SURROGATE = "Gaussian, horizon 1", "the paper's surrogate (no free runs, beta 0.5)"
SETTINGS = ["0.5"]


CLAIMS = {
    "needs 5.6 nats where H is 3.1": [bound("nll"), bound("entropy")],
    "wastes 1.0 nat on coloring and 0.5 on N-Queens where guidance wastes 2.6 and 2.5": [
        compared("posteriors-coloring-drafts", "fields, noisy drafts alone", "elbo_excess", 64),
        compared("posteriors-nqueens-drafts", "noisy drafts alone", "elbo_excess", 64),
        compared("posteriors-coloring-drafts", GUIDANCE, "elbo_excess"),
        compared("posteriors-nqueens-drafts", GUIDANCE, "elbo_excess"),
    ],
    "right in 0.99 of the samples after eight minutes of one core, guidance on attention in 0.29": [
        compared("posteriors-sudoku-drafts", "fields, noisy drafts alone", "validity", 64),
        compared("posteriors-sudoku", GUIDANCE, "validity"),
    ],
    "14 nats in the first transition": [compared("posteriors-coloring", SURROGATE, "kl.0")],
    "from 0.91 to 0.07 in equal time": [
        compared("posteriors-coloring", SURROGATE, "gap"),
        compared("posteriors-coloring", GUIDANCE, "gap"),
    ],
    "right in 0.85 of the samples, with prior rollouts in 0.91": [
        compared("posteriors-coloring-betas", "the paper's surrogate, beta 4", "validity"),
        compared("posteriors-coloring-betas", "prior rollouts, beta 4", "validity"),
    ],
    "a gap of 0.40 instead of 0.02 with": [
        compared("table3-coloring", "T = 3, KL at the last transition", "gap"),
        compared("table3-coloring", "T = 3, KL at every transition", "gap"),
    ],
    "a gap of 0.22 at horizon 2 and 0.36 at 4,": [
        *(compared("posteriors-coloring", "Gaussian, horizon 2", "gap"), 2),
        *(compared("posteriors-coloring", "Gaussian, horizon 4", "gap"), 4),
    ],
    "without a mean 0.46.": [compared("table3-coloring", "no mean: N(0, sigma^2)", "validity")],
    "0.97 of the samples are right in five minutes, with the paper's pair tokens 0.01": [
        reached(COLORING, "validity", 16),
        reached(["quality/coloring-tokens"], "validity", 16),
    ],
    "solve 0.18 in 16 steps, 0.52 in 256, 0.82 in 1,024, 0.99 in 4,096.": [
        each
        for steps in (16, 256, 1024, 4096)
        for each in (figure(EXTREME, "fold_9.rows", "validity", steps=steps), steps)
    ],
}
