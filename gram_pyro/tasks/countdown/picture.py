"""The picture of a Countdown answer: its expression trees."""

from dataclasses import dataclass

from gram_pyro.tasks.abilities import Answer, Axes
from gram_pyro.tasks.countdown.checker import is_right
from gram_pyro.tasks.countdown.equations import CountdownProblem, equations_of, text_of

GIVEN, MADE, WRONG = "#d9d9d9", "#c6dbef", "#d62728"


@dataclass
class Node:
    """A number of the problem, or an equation with its operands below it."""

    number: int
    label: str
    right: bool
    children: tuple["Node", ...] = ()

    @property
    def height(self) -> int:
        """Return how many equations lie below it, one on top of the other, and itself."""
        return 1 + max(child.height for child in self.children) if self.children else 0


def trees_of(problem: CountdownProblem, answer: Answer) -> list[Node]:
    """Return the roots of an answer's trees; one alone if it is right, of which no node is wrong.

    Equations that do not hold, operands that are not there, and roots that are not the target are wrong.
    """
    nodes = [Node(number, str(number), True) for number in problem.numbers]
    for equation in equations_of(answer) or ():
        children = []
        for operand in (equation[0], equation[2]):
            child = next((node for node in nodes if node.number == operand), None)
            if child is None:
                child = Node(operand, str(operand), False)
            else:
                nodes = [node for node in nodes if node is not child]
            children.append(child)
        nodes.append(Node(equation[3], text_of(equation), is_right(equation), tuple(children)))
    for node in nodes:
        node.right &= node.number == problem.target and bool(node.children)
    return nodes


def draw_tree(problem: CountdownProblem, answer: Answer | None, axes: Axes) -> None:
    """Draw the expression tree: numbers below, each equation above its operands, what is wrong in red."""
    unformed = answer is not None and equations_of(answer) is None
    title = f"{problem}\n{text_of(answer)}" if unformed and answer is not None else str(problem)
    axes.set_title(title, fontsize=9, color=WRONG if unformed else "black")
    roots = trees_of(problem, answer or ())
    if answer is None:
        for root in roots:
            root.right = True
    start = 0
    for root in roots:
        draw_node(root, start, axes)
        start += leaves(root)
    axes.set_xlim(-0.7, start - 0.3)
    axes.set_ylim(-0.5, max(root.height for root in roots) + 0.5)
    axes.set_axis_off()


def leaves(node: Node) -> int:
    """Return how many numbers a tree has."""
    return sum(map(leaves, node.children)) or 1


def draw_node(node: Node, start: int, axes: Axes) -> float:
    """Draw a tree with its leaves from `start` on; return where its root stands."""
    below = []
    for child in node.children:
        below.append((draw_node(child, start, axes), child.height))
        start += leaves(child)
    across = sum(x for x, _ in below) / len(below) if below else float(start)
    for x, height in below:
        axes.plot([x, across], [height, node.height], color="#7f7f7f", linewidth=1, zorder=1)
    color = WRONG if not node.right else MADE if node.children else GIVEN
    box = {"boxstyle": "round", "facecolor": color, "edgecolor": "none"}
    ink = "black" if node.right else "white"
    axes.text(across, node.height, node.label, ha="center", va="center", fontsize=8, color=ink, bbox=box, zorder=2)
    return across
