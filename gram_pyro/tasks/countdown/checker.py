"""What is wrong with a Countdown answer, by plain arithmetic; nothing here looks for solutions."""

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from numbers import Integral
from typing import Any

from gram_pyro.errors import UserError
from gram_pyro.tasks.abilities import Answer
from gram_pyro.tasks.countdown.equations import OPERATORS, CountdownProblem, equations_of

MAX_NUMBER = 99
MAX_DIGITS = 18
"""Of a target; one of more fits no 64 bits, and none above 99^5 can be reached."""
ARITHMETIC: dict[str, Callable[[int, int], int | Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": Fraction,
}


def is_right(equation: Answer) -> bool:
    """Return whether an equation holds."""
    first, code, second, result = equation
    return ARITHMETIC[OPERATORS[code]](first, second) == result


def count_violations(problem: CountdownProblem, answer: Answer) -> int:
    """Count equations that do not hold, operands that are not there, numbers left beside one, and a target not reached.

    An operand is there as long as it is one of the numbers, or an earlier result, and not used yet. Where symbols do
    not form equations, that is one violation, and none of them counts.
    """
    equations = equations_of(answer)
    violations = int(equations is None)
    left = Counter(problem.numbers)
    for equation in equations or ():
        first, _, second, result = equation
        violations += not is_right(equation)
        for operand in (first, second):
            violations += left[operand] == 0
            left[operand] = max(0, left[operand] - 1)
        left[result] += 1
    return violations + (left[problem.target] == 0) + left.total() - 1


def check_problem(numbers: Sequence[Any], target: Any) -> None:
    """Raise `UserError` if a number is no integer from 1 to 99, or the target none from 1."""
    for number in (*numbers, target):
        if not isinstance(number, Integral) or isinstance(number, bool):
            raise UserError(f"{repr(number)[:40]} is no whole number")
    for number in numbers:
        if not 1 <= number <= MAX_NUMBER:
            raise UserError(f"the number {str(number)[:40]} does not lie between 1 and {MAX_NUMBER}")
    if not 1 <= target < 10**MAX_DIGITS:
        raise UserError(f"the target {str(target)[:40]} does not lie between 1 and 10^{MAX_DIGITS} - 1")
