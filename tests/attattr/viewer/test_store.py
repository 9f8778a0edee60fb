"""Views in files are read back as they were, and a page of them is the same."""

import json

import torch
from views_by_hand import random_view

from attattr.viewer.measure import explained, named, with_trees
from attattr.viewer.pack import packed
from attattr.viewer.shares import with_shares
from attattr.viewer.store import read_views, view_files


def written(views, folder):
    for name, content in view_files(views).items():
        (folder / name).write_bytes(content)
    return read_views(folder)


def test_every_number_and_tree_comes_back(tmp_path):
    views = [random_view(seed, tokens=7, classes=classes) for seed, classes in ((1, 2), (2, 3))]
    for view, again in zip(views, written(views, tmp_path), strict=True):
        assert torch.equal(view.attention, again.attention)
        assert (view.name, list(view.tokens), view.gold) == (again.name, list(again.tokens), again.gold)
        for one, other in zip(view.explanations, again.explanations, strict=True):
            assert torch.equal(one.attribution, other.attribution)
            assert (one.trees, one.shares, one.value) == (other.trees, other.shares, other.value)
            assert {*one.heads} == {*other.heads}


def test_a_page_of_what_was_measured_is_the_same_to_the_byte(tiny_model, tokenizer, random_examples, tmp_path):
    model, examples = tiny_model(labels=3), random_examples([6, 9])
    views = [
        with_shares(with_trees(named(view, tokenizer, examples[place])), model, examples[place], seed=1)
        for place, view in explained(model, examples, target="predicted", whole=True, options={})
    ]
    for size in (1_000_000, 20_000):
        one, other = (json.dumps(packed(found, most_bytes=size)) for found in (views, written(views, tmp_path)))
        assert one == other


def test_no_view_is_a_folder_too(tmp_path):
    assert written([], tmp_path) == []


def test_the_same_bytes_twice():
    assert view_files([random_view(1)]) == view_files([random_view(1)])
