"""The contract of a task as checks; `gram_pyro.testing.check_task` runs them all."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, get_args

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from gram_pyro.errors import UserError
from gram_pyro.tasks.base import Problems, Spec, Split, Task
from gram_pyro.tasks.pool import Pool

DRAWN = 64  # training examples to check
TRIED = 8  # answers of a problem to corrupt
JUDGED = 100  # most answers of a problem to judge, evenly spaced


def require(holds: object, message: str) -> None:
    """Raise `AssertionError` unless something holds."""
    if not holds:
        raise AssertionError(message)


@contextmanager
def attempting(what: str) -> Iterator[None]:
    """Turn an error within into an `AssertionError` that names the part that failed."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        raise AssertionError(f"{what} fails: {kind}{error}") from error


def check_shape(name: str, tensor: Tensor, *shape: int) -> None:
    """Raise `AssertionError` unless a tensor has a shape."""
    require(tensor.shape == torch.Size(shape), f"{name}: the shape is {tuple(tensor.shape)}, not {shape}")


def check_integers(name: str, tensor: Tensor, shape: Sequence[int], low: int, high: int) -> None:
    """Raise `AssertionError` unless a tensor has a shape and integers from `low` to `high`."""
    check_shape(name, tensor, *shape)
    require(not tensor.is_floating_point(), f"{name}: {tensor.dtype}, not integers")
    least, most = tensor.min(), tensor.max()
    require(low <= least and most <= high, f"{name}: {least} to {most}, not {low} to {high}")


def check_splits(task: Task, count: int, seed: int) -> list[Any]:
    """Check that problems depend on the seed alone, in disjoint splits; return those of training."""
    seen: dict[tuple[bytes, ...], Split] = {}
    for split in get_args(Split):
        parts = [task.generate(split, count, seed) for _ in range(2)]
        found = len(parts[0])
        require(1 <= found <= count, f"generate: {found} problems in the {split} split, not 1 to {count}")
        rows, again = (told_apart(task, part) for part in parts)
        require(all(map(torch.equal, rows, again)), f"generate: the {split} split of a seed differs from call to call")
        for row in zip(*([each.numpy().tobytes() for each in part] for part in rows), strict=True):
            require(seen.setdefault(row, split) == split, f"generate: {seen[row]} and {split} split share a problem")
    return task.generate("train", count, seed)


def told_apart(task: Task, problems: Sequence[Any]) -> list[Tensor]:
    """Return tensors that differ where problems do, a row for each; without any input, targets are among them."""
    targets = [] if task.blank is None else [torch.cat([task.targets(problem) for problem in problems])]
    return [*task.encode(problems).rows(), *targets]


def check_encoding(where: str, spec: Spec, x: Problems) -> None:
    """Check that the tensors of problems have the shapes, types and ranges that the spec gives."""
    batch, length = x.tokens.shape
    values = spec.classes if x.values is None else x.values
    require(1 <= values <= spec.classes, f"{where}: {values} values, and the spec has {spec.classes}")
    require(1 <= x.answered <= length, f"{where}: {x.answered} positions with an answer, of {length}")
    check_integers(f"{where}: tokens", x.tokens, (batch, length), 0, spec.vocabulary - 1)
    if x.pins is not None:
        check_integers(f"{where}: pins", x.pins, (batch, length), -1, values - 1)
    require((x.group is None) == (spec.groups == 0), f"{where}: problems have a group where the spec has groups")
    if x.group is not None:
        check_integers(f"{where}: group", x.group, (batch,), 0, spec.groups - 1)
    found, shape = x.relations, (spec.relations, length, length)
    require((found is None) == (spec.relations == 0), f"{where}: the spec has {spec.relations} relations")
    fits = found is None or (found.shape in (shape, (batch, *shape)) and found.is_floating_point())
    require(fits, f"{where}: relations are no floats of shape {shape}, with or without the batch before")


def check_answers(where: str, task: Task, problem: Any, x: Problems, generator: random.Random) -> None:
    """Check targets, solutions and checker of a problem against each other; `x` is its encoding, `TRIED` times."""
    targets, solutions = None, []
    with suppress(TimeoutError):
        targets = task.targets(problem)
        solutions = task.solutions(problem)
    if targets is None:
        targets = task.known_solutions([problem])[0]
    length, values = x.tokens.shape[1], x.values or task.spec.classes
    require(len(targets) and task.solvable(problem) is not False, f"{where}: generate gives one without a solution")
    check_integers(f"{where}: targets", targets, (len(targets), length), -1, values - 1)
    complete = (targets >= 0) == (torch.arange(length) < x.answered)
    require(complete.all(), f"{where}: targets have values at other positions than the first {x.answered}")
    answers = [task.answer(problem, row) for row in targets.tolist()]
    spelled = sorted({task.canonical(answer) for answer in answers})
    require(solutions in ([], spelled), f"{where}: solutions are not what the targets spell, canonical and sorted")
    for answer in answers[:: 1 + len(answers) // JUDGED] + spelled[:: 1 + len(spelled) // JUDGED]:
        broken, canonical = task.violations(problem, answer), task.canonical(answer)
        require(broken == 0, f"{where}: violations counts {broken} in the solution {answer}")
        require(task.canonical(canonical) == canonical, f"{where}: canonical changes {canonical}, which is canonical")
    rows = targets[[generator.randrange(len(targets)) for _ in range(TRIED)]]
    check_fit(where, task, x, rows)
    check_words(where, task, problem, rows)
    for row in rows.clone() if solutions and values > 1 else ():
        place = generator.randrange(x.answered)
        row[place] = (row[place] + generator.randrange(1, values)) % values
        answer = task.answer(problem, row.tolist())
        broken, right = task.violations(problem, answer), task.canonical(answer) in solutions
        kind = "a" if right else "no"
        require((broken == 0) == right, f"{where}: violations counts {broken} in {answer}, which is {kind} solution")


def check_fit(where: str, task: Task, x: Problems, rows: Tensor) -> None:
    """Check answers `(batch, length)` against the pins, and the constraints if the task knows their likelihood."""
    pins = rows if x.pins is None else x.pins
    require(((pins == rows) | (pins < 0) | (rows < 0)).all(), f"{where}: an answer has another value than a pin")
    if type(task).constraint_log_prob is not Task.constraint_log_prob:
        log_probs = task.constraint_log_prob(x, one_hot(task, rows))
        require((log_probs > -0.1).all(), f"{where}: constraint_log_prob gives an answer {log_probs.min():.3g}, not 0")


def check_words(where: str, task: Task, problem: Any, rows: Tensor) -> None:
    """Check how answers `(batch, length)` are shown, and which of them count as the same."""
    answers = [task.answer(problem, row) for row in rows.tolist()]
    shown = task.to_json(answers[0])
    require(json.loads(json.dumps(shown)) == shown, f"{where}: to_json is no JSON")
    require(isinstance(task.text(problem, answers[0]), str), f"{where}: text is no string")
    for answer in (None, answers[0]):
        task.draw(problem, answer, Figure().subplots())
    places = task.equivalence_probs(one_hot(task, rows))
    for answer, alike in zip(answers, (places[:1] * places).sum(-1).prod(-1).tolist(), strict=True):
        same = task.canonical(answer) == task.canonical(answers[0])
        require(abs(alike - same) < 1e-3, f"{where}: equivalence_probs and canonical differ on {answers[0]}, {answer}")


def check_augment(task: Task, x: Problems, answers: list[Tensor], seed: int) -> None:
    """Check that an answer `(1, length)` moves with its problem: related positions agree as often as before."""
    rows = torch.arange(DRAWN) % len(answers)
    problems, before = x.select(rows), torch.stack(answers)[rows]
    moved, after = task.augment(problems, before, torch.Generator().manual_seed(seed))
    check_shape("augment: answers", after, *before.shape)
    check_encoding("augment", task.spec, moved)
    check_fit("augment", task, moved, after[:, 0])
    if problems.relations is not None and moved.relations is not None:
        old, new = agreements(problems.relations, before), agreements(moved.relations, after)
        require(torch.equal(old, new), "augment: answers do not move as the relations of their problems do")
        directed = [not torch.equal(each, each.mT) for each in (problems.relations, moved.relations)]
        require(directed[0] or not directed[1], "augment: symmetric relations become directed")


def agreements(relations: Tensor, answers: Tensor) -> Tensor:
    """Return how many related pairs of positions have one value, relations in any order: `(batch, relations)`."""
    same = (answers.mT == answers) & (answers >= 0)
    return (relations * same[:, None]).sum((2, 3)).sort(1).values


def check_pool(task: Task, problems: Sequence[Any], seed: int) -> None:
    """Check that examples fit together, and that new targets are known solutions, drawn from the generator alone."""
    pool, seen = Pool(task, problems), []
    for common in (1, 2):
        torch.manual_seed(common)
        generator = torch.Generator().manual_seed(seed)
        x, targets, solutions = pool.draw(DRAWN, generator)
        doubtful = torch.randn(*targets.shape, task.spec.classes, generator=generator).log_softmax(-1)
        drawn = task.retarget(solutions, doubtful, generator)
        seen.append((*x.rows(), targets, solutions, drawn))
    require(all(map(torch.equal, *seen)), "augment or retarget: draws depend on more than their generator")
    check_fit("augment", task, x, targets)
    known = task.align(solutions, drawn)
    for rows in known.unbind(1):
        some = (rows >= 0).any(1).nonzero()[:, 0]
        check_fit("align", task, x.select(some), rows[some])
    require((known == drawn[:, None]).all(2).any(1).all(), "retarget: a target is none of the known solutions")
    present = (known >= 0).any(2).int()
    last = known[torch.arange(DRAWN), present.shape[1] - 1 - present.flip(1).argmax(1)]
    sure = (50 * one_hot(task, last)).log_softmax(-1)
    drawn = task.retarget(solutions, sure, torch.Generator().manual_seed(seed))
    require(torch.equal(drawn, last), "retarget: a target is not the solution of which the decoder is sure")


def one_hot(task: Task, rows: Tensor) -> Tensor:
    """Return answers `(batch, length)` as probabilities `(batch, length, classes)`, sure of them."""
    return F.one_hot(rows.long().clamp(min=0), task.spec.classes).float()
