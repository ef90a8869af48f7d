"""The same random numbers in every run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pyro
import pytest
import torch
from hypothesis import settings

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without it
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("ci")
torch.set_num_threads(1)  # the same sums on every machine, and room for tests beside


@pytest.fixture(autouse=True, scope="session")
def plain_machine() -> Iterator[None]:
    """The same arithmetic whatever the processor, on one of its cores: threads of tests side by side would wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gram_pyro.runs.machine.native_bfloat16", lambda: False)
        patch.setattr("gram_pyro.runs.machine.cores", lambda: 1)
        yield


@pytest.fixture(autouse=True)
def fresh_state() -> None:
    """A fixed seed and no parameters left over from another test."""
    torch.manual_seed(0)
    pyro.clear_param_store()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, where every run is the untrained one."""
    from tests.commands.test_sample import tiny_run  # here: few tests need what it imports

    monkeypatch.setattr("gram_pyro.runs.store.load_run", lambda run, *_: tiny_run(run))
    monkeypatch.chdir(tmp_path)
    return tmp_path


SLOW = {
    "test_a_comparison_writes_its_tables", "test_a_compiled_run_resumes_bitwise",
    "test_a_model_learns_from_constraints_alone",
    "test_a_network_learns_the_conditionals_of_a_mixture", "test_a_moment_estimates_the_bound_of_very_many_steps",
    "test_a_run_that_was_killed_before_its_first_checkpoint_starts_again",
    "test_a_run_that_was_trained_is_only_measured", "test_a_stop_between_rounds_is_resumed",
    "test_an_evaluation_with_heads", "test_another_budget_needs_another_folder",
    "test_ctrl_c_stops_runs_side_by_side", "test_graphs_of_ones_own",
    "test_every_kind_of_recursion_is_exported", "test_fields_take_other_numbers_of_values",
    "test_intervals_hold_the_truth_of_a_trained_model", "test_mutated_command_lines",
    "test_runs_side_by_side_give_the_same_table", "test_splits_share_no_puzzle_up_to_symmetry",
    "test_the_bound_by_the_prior_lies_above_the_truth_and_the_tighter_one_counts", "test_the_bounds_are_in_order",
    "test_the_preset_of_the_paper", "test_the_probabilities_of_all_answers_of_an_easy_problem_sum_to_one",
    "test_the_probabilities_of_all_outputs_sum_to_one", "test_torchrun_trains_evaluates_and_saves_as_one",
    "test_training_ends_with_heads_and_resumes_to_the_same",
    "test_training_from_python_is_training_from_the_command_line", "test_two_processes_follow_the_curve_of_one",
    "test_valid_mass_is_the_frequency_of_valid_draws", "test_what_cannot_be_looked_into_is_refused",
    "test_what_is_done_is_not_done_again", "test_what_is_known_from_elsewhere_is_not_run",
    "test_what_is_shipped_is_exported_as_it_is", "test_the_sampler_of_the_docs_colors_a_graph",
}  # fmt: skip
"""Tests of many seconds: `pytest -m "not slow"` leaves them and the notebooks out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests."""
    for item in items:
        if item.name.partition("[")[0] in SLOW or item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)
