"""The contracts of tasks, guides and models, one call each, for parts of your own as for the library's.
Each check raises `AssertionError` with one sentence that says what is wrong, and where."""

import random
from collections.abc import Callable
from typing import Any, get_args

import torch
from torch import Tensor, nn

from gram_pyro.guides import GUIDES, Guide
from gram_pyro.inference.sampling import seeded
from gram_pyro.models import Gram, GramConfig, Model
from gram_pyro.models.base import Recursion
from gram_pyro.models.sites import sites_of
from gram_pyro.objectives.elbo import Terms, TruncatedTrace_ELBO, traces_of
from gram_pyro.tasks import Coloring, Problems, Spec, Task, contract
from gram_pyro.tasks.contract import attempting, check_integers, check_shape, require
from gram_pyro.training import trial

SMALL = GramConfig(width=16, heads=2, layers=1, hidden=16, transitions=2)
CHOSEN_FROM = 16  # problems, of which guides and models see those with most solutions
UPDATES = 3  # updates that move every parameter, also those before weights that start at zero


def check_task(task: Task, problems: int = 8, seed: int = 0) -> None:
    """Check what a `Task` promises, on at most `problems` problems of each split."""
    with seeded(seed):
        with attempting("generate or encode"):
            own = contract.check_splits(task, problems, seed)
            x = task.encode(own)
            contract.check_encoding("encode", task.spec, x)
        with attempting("a small Gram"):
            check_shape("logits of a small Gram", Gram(task.spec, SMALL)(x).logits, *x.tokens.shape, task.spec.classes)
        generator = random.Random(seed)
        for row, problem in enumerate(own):
            with attempting(f"problem {row}"):
                copies = x.select(torch.tensor([row] * contract.TRIED))
                contract.check_answers(f"problem {row}", task, problem, copies, generator)
        with attempting("augment or retarget"):
            contract.check_augment(task, x, [rows[:1] for rows in task.known_solutions(own)], seed)
            contract.check_pool(task, own, seed)


def check_guide(make: Callable[[Spec, Model], Guide], task: Task | None = None) -> None:
    """Check what a `Guide` promises, made as `make(spec, model)` for a small `Gram`; default `task`: `Coloring`."""
    task = task or Coloring(n=5)
    with attempting("the guide"), seeded(0):
        own, x, targets = _problems(task)
        model = Gram(task.spec, SMALL)
        guide = make(task.spec, model)
        require(isinstance(guide, Guide), f"the guide is a {type(guide).__name__}, not a Guide")
        trial.check_guide(type(guide).__name__, guide, task, own[0])
        require({*model.parameters()}.isdisjoint(guide.parameters()), "the guide owns parameters of the model")
        targets[-1] = -1
        context = guide.side_information(task, own, targets)

        def terms() -> Terms:
            return TruncatedTrace_ELBO(None).terms(model, guide, x, targets, steps=2, **context)

        for kl in (terms().kl, _check_moves("the guide", guide, model, terms).kl):
            require(kl.isfinite().all(), "the guide has a KL that is not finite")
            require(kl.min() > -1e-3 or not guide.closed_form, f"the guide has a KL of {kl.min():.3g}, below 0")
            require(kl[:, -1].abs().max() < 1e-3, "the guide has a KL where a problem has no answer")
        for given, row in ((targets, -1), (None, 0)):
            nodes, steered = (trace.nodes for trace in traces_of(guide, x, given, steps=2, **context))
            for name, site in sites_of(nodes, "guidance"):
                both: list[Any] = [site["fn"], steered[name]["fn"]]
                prior, posterior = (each.log_prob(site["value"])[row] for each in both)
                require(torch.allclose(posterior, prior), f"the guide leaves the prior at {name} without an answer")


def check_model(make: Callable[[Spec], Model], task: Task | None = None) -> None:
    """Check what a `Model` promises, made as `make(spec)`; default `task`: `Coloring`."""
    task = task or Coloring(n=5)
    with attempting("the model"), seeded(0):
        _, x, targets = _problems(task)
        model = make(task.spec)
        require(isinstance(model, Model), f"the model is a {type(model).__name__}, not a Model")
        require(model.recursion in get_args(Recursion), f"the model has recursion = {model.recursion!r}")
        outcome, again, other = (_run(model, x, seed, steps=2, supervise="last") for seed in (1, 1, 2))
        check_shape("the model's logits", outcome.logits, *x.tokens.shape, task.spec.classes)
        check_integers("the model's answers", outcome.answers, x.tokens.shape, -1, task.spec.classes - 1)
        for found, start in zip(outcome.state[:2], model.initial_state(*x.tokens.shape)[:2], strict=True):
            check_shape("the model's last state", found, *start.shape)
        require(torch.equal(outcome.answers, again.answers), "the model answers one seed in two ways")
        varies = model.draws or torch.equal(outcome.answers, other.answers)
        require(varies, "the model has draws = False, and its answers differ from seed to seed")
        if model.independent:
            logits = (_run(model, x, 1, targets=each).logits for each in (targets, torch.zeros_like(targets)))
            require(torch.equal(*logits), "the model has independent = True, and its logits depend on the targets")
        if model.recursion == "carried":
            with seeded(1), torch.no_grad():
                state = model(x, steps=1, supervise="none").state
                logits = model(x, steps=1, state=state, supervise="none").logits
            same = torch.allclose(logits, _run(model, x, 1, steps=2, supervise="none").logits, atol=1e-4)
            require(same, "the model gives other logits after two steps at once than after one and one")
        guide = GUIDES.find(model.guide)(task.spec, model)

        def terms(supervise: str = "every") -> Terms:
            return TruncatedTrace_ELBO(None).terms(model, guide, x, targets, steps=2, supervise=supervise)

        bound = terms("last")
        finite = bound.log_likelihood.isfinite().all() and bound.kl.isfinite().all()
        require(finite, "the model gives the targets a likelihood or a KL that is not finite")
        scored = sum((site["value"] >= 0).sum(-1) for _, site in sites_of(bound.trace.nodes, "answer"))
        once = torch.equal(torch.as_tensor(scored), (targets >= 0).sum(-1))
        require(once, 'the model scores a target never or more than once with supervise="last"')
        _check_moves("the model", model, guide, terms)


def _problems(task: Task) -> tuple[list[Any], Problems, Tensor]:
    """Return the problems with most known solutions of some, and a target of each."""
    drawn = task.generate("train", CHOSEN_FROM, 0)
    known = sorted(zip(task.known_solutions(drawn), drawn, strict=True), key=lambda pair: -len(pair[0]))[:3]
    problems = [problem for _, problem in known]
    return problems, task.encode(problems), torch.stack([rows[0] for rows, _ in known])


def _run(model: Model, x: Problems, seed: int, **kwargs: Any) -> Any:
    with torch.no_grad(), seeded(seed):
        return model(x, **kwargs)


def _check_moves(name: str, trained: nn.Module, other: nn.Module, terms: Callable[[], Terms]) -> Terms:
    """Return the terms after updates of both modules that must move all parameters of the one."""
    before = {place: part.detach().clone() for place, part in trained.named_parameters() if part.requires_grad}
    optimizer = torch.optim.Adam([*trained.parameters(), *other.parameters()], lr=0.01)
    for _ in range(UPDATES):
        optimizer.zero_grad()
        terms().loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    now = dict(trained.named_parameters())
    still = [place for place, part in before.items() if torch.equal(part, now[place])]
    require(not still, f"{name} does not learn {', '.join(still)}")
    return terms()
