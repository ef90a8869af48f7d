"""Countdown problems and their answers: equations of whole numbers, and one form for all that count as the same."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gram_pyro.tasks.abilities import Answer

OPERATORS = "+-*/"
"""An answer has them as -4, -3, -2 and -1, their places from the end, and numbers as they are."""
COMMUTING = (-4, -2)


class CountdownProblem(NamedTuple):
    """Numbers to reach a target from, with every one of them used once."""

    numbers: tuple[int, ...]
    target: int

    def __str__(self) -> str:
        return f"{' '.join(map(str, self.numbers))} -> {self.target}"


def equations_of(answer: Answer) -> list[Answer] | None:
    """Return each equation of an answer, as first operand, operator, second operand, result.

    None if numbers and operators do not stand where they should.
    """
    equations = [answer[place : place + 4] for place in range(0, len(answer), 4)]
    formed = len(answer) % 4 == 0 and all(
        min(first, second, result) > 0 and -len(OPERATORS) <= operator < 0
        for first, operator, second, result in equations
    )
    return equations if formed else None


def as_unformed(text: str) -> Answer:
    """Return the answer that stands for a text that is no equations."""
    return tuple(-ord(character) for character in text)


def text_of(answer: Answer) -> str:
    """Return an answer as `3 + 7 = 10; 10 * 4 = 40`."""
    if min(answer, default=0) < -len(OPERATORS):
        return "".join(chr(-code) for code in answer)
    words = [OPERATORS[code] if code < 0 else str(code) for code in answer]
    fours = [words[place : place + 4] for place in range(0, len(words), 4)]
    return "; ".join(f"{first} {operator} {second} = {result}" for first, operator, second, result in fours)


def canonical_equations(answer: Answer) -> Answer:
    """Return the one form of all answers with the same equations: the greater operand before + and *, and of all
    orders in which no number is used before it is there the least. What is in no such order stays as it is."""
    equations = equations_of(answer)
    if not equations:
        return answer
    numbers = Counter(number for first, _, second, _ in equations for number in (first, second))
    numbers.subtract(result for *_, result in equations[:-1])
    if min(numbers.values()) < 0 or not in_order(numbers, equations):
        return answer
    least = least_order(numbers, [greater_first(*equation) for equation in equations])
    assert least is not None
    return tuple(code for equation in least for code in equation)


def greater_first(first: int, operator: int, second: int, result: int) -> Answer:
    """Return an equation with the greater operand first, if the operator allows."""
    swapped = operator in COMMUTING and second > first
    return (second, operator, first, result) if swapped else (first, operator, second, result)


def in_order(numbers: Counter[int], equations: Sequence[Answer]) -> bool:
    """Return whether each equation finds its operands among the numbers and the results that are left."""
    left = Counter(numbers)
    for first, _, second, result in equations:
        if not Counter((first, second)) <= left:
            return False
        left = left - Counter((first, second)) + Counter((result,))
    return True


def least_order(numbers: Counter[int], equations: Sequence[Answer]) -> list[Answer] | None:
    """Return the least order in which each equation finds its operands; None if there is none."""
    if not equations:
        return []
    for equation in sorted({*equations}):
        first, _, second, result = equation
        if Counter((first, second)) <= numbers:
            rest = list(equations)
            rest.remove(equation)
            later = least_order(numbers - Counter((first, second)) + Counter((result,)), rest)
            if later is not None:
                return [equation, *later]
    return None
