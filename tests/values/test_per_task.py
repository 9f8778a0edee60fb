"""What a value means for one task and seed."""

from pipeline.values.per_task import shown_names


def test_a_name_is_filled_in_and_each_stands_once():
    assert shown_names("bert", ["a", "b"], [1, 2]) == ["bert"]
    assert shown_names("{task}/x-{seed}", ["a", "b"], [1, 2]) == ["a/x-1", "a/x-2", "b/x-1", "b/x-2"]
    assert shown_names("{task}", ["a", "b"], [1, 2]) == ["a", "b"]
    assert shown_names({"default": "m", "b": "a-{seed}"}, ["a", "b"], [1, 2]) == ["m", "a-1", "a-2"]


def test_of_many_names_the_first_and_the_last_are_shown():
    assert shown_names("m-{seed}", ["a"], range(1, 21)) == ["m-1", "m-2", "m-3", "m-4", "m-5", "…", "m-20"]
