"""What the paper and a review of it claim, decided by rules (docs/method.md, "Claims")."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.analysis.intervals import Interval, clearly_above, majority_share
from pipeline.analysis.records import accuracy, matching
from pipeline.analysis.verdicts import Claim, decide, objection

Record = Mapping[str, Any]

# Exact counts over the dev classes, as the paper's table of attacks gives them: what its first trigger cost, per class.
PAPER_DROPS = {
    "mnli": "drops of 50.8, 82.1, 47.2 by class",
    "sst2": "drops of 37.8, 19.6 by class",
    "rte": "drops of 21.2, 13.7 by class",
    "mrpc": "drops of 6.8, 22.5 by class",
}
TAYLOR = {
    "taylor": "Taylor (paper)",
    "taylor_michel": "Taylor (Michel et al.)",
    "taylor_authors": "Taylor (authors' code)",
}


def claims(records: Mapping[str, Sequence[Record]], rules: Record) -> list[Claim]:
    """All claims, P1 to R4, in order, from the records of every experiment; `rules` is `claims` of params.yaml.

    What is said of accuracy is undecided for a model that is not three standard errors above the majority class.
    """
    weak = {
        _key(record) for record in records["finetune"]
        if not clearly_above(record["accuracy"], majority_share(record), record["n"])
    }  # fmt: skip
    majority = {_key(record): majority_share(record) for record in records["finetune"]}
    found = [
        *_steps(records["convergence"], rules),
        *_effectiveness(records["effectiveness"], majority, rules),
        *_pruning(records["prune"], rules),
        *_universality(records["universality"][0]),
        *_tree(records["tree"]),
        *_receptive_field(records["receptive_field"], rules),
        *_triggers(records["triggers"], rules),
    ]
    about_accuracy = ("P2", "P3", "P4", "P8", "R1", "R4")
    judged = [_undecided(c) if c.id in about_accuracy and (c.task, c.seed) in weak else c for c in found]
    return sorted(judged, key=lambda claim: claim.id)


def _undecided(claim: Claim) -> Claim:
    rule = f"{claim.rule}; the model is too close to the majority class"
    return replace(claim, verdict="undecided", rule=rule)


def _key(record: Record) -> tuple[str, int]:
    return record["task"], record["seed"]


def _of(record: Record) -> dict[str, Any]:
    return {"task": record["task"], "seed": record["seed"], "n": record["n"]}


def _steps(convergence: Sequence[Record], rules: Record) -> Iterator[Claim]:
    limit = 100 * rules["sufficient_error"]
    for record in convergence:
        if paper := record.get("paper"):
            value = Interval.of(paper["error"], 100)
            yield Claim(
                "P1", "m = 20 steps suffice", **_of(record),
                statistic="relative edge error of 20 right-rule steps, %", value=value,
                rule=f"at most {limit:g}", verdict=decide(value, high=limit), paper="“performs well”",
            )  # fmt: skip


def _effectiveness(records: Sequence[Record], majority: Mapping[Any, float], rules: Record) -> Iterator[Claim]:
    for record in records:
        for method, label in (("attribution_gold", "gold"), ("attribution_predicted", "predicted")):
            if method not in record["area"]:
                continue
            if lead := matching(record["area_difference"], method=method, minus="attention"):
                yield Claim(
                    "P2", "attribution tells heads apart better than attention", **_of(record),
                    statistic=f"area minus attention's, {label} label, points", value=Interval.of(lead),
                    rule="above 0", verdict=decide(Interval.of(lead), low=0, strict=True),
                )  # fmt: skip
            floor = 100 * record["baseline_accuracy"] - rules["keep_margin"]
            kept = accuracy(record["keep_top2"][method])
            yield Claim(
                "P3", "the top 2 heads per layer suffice", **_of(record),
                statistic=f"accuracy with them only, {label} label, %", value=kept,
                rule=f"at least {floor:.1f}", verdict=decide(kept, low=floor), paper="nearly 97 %",
            )  # fmt: skip
        if "attribution_gold" in record["remove_top2"]:
            ceiling = 100 * majority[_key(record)] + rules["collapse_margin"]
            left = accuracy(record["remove_top2"]["attribution_gold"])
            yield Claim(
                "P3", "without the top 2 heads per layer accuracy collapses", **_of(record),
                statistic="accuracy without them, gold label, %", value=left,
                rule=f"at most {ceiling:.1f}", verdict=decide(left, high=ceiling),
            )  # fmt: skip


def _pruning(records: Sequence[Record], rules: Record) -> Iterator[Claim]:
    margin = rules["equivalence_margin"]
    for record in records:
        leads = {(one["over"], one["normalise"]): Interval.of(one) for one in record["leads"]}
        if lead := leads.get(("taylor", "none")):
            yield Claim(
                "P4", "pruning by attribution is at least as good as by Taylor", **_of(record),
                statistic="AUC minus Taylor's (paper), points", value=lead,
                rule=f"at least {-margin:g}", verdict=decide(lead, low=-margin),
            )  # fmt: skip
        if lead := leads.get(("accuracy_difference", "none")):
            yield Claim(
                "P4", "and better than by accuracy difference", **_of(record),
                statistic="AUC minus accuracy difference's, points", value=lead,
                rule="above 0", verdict=decide(lead, low=0, strict=True),
            )  # fmt: skip
        great = rules["great_improvement"]
        for how, divided in (("none", ""), ("layer_l2", ", both divided by layer")):
            for method, name in TAYLOR.items():
                if lead := leads.get((method, how)):
                    yield Claim(
                        "R1", "no great improvement over Taylor", **_of(record),
                        statistic=f"AUC minus {name}{divided}, points", value=lead,
                        rule=f"at most {great:g}", verdict=objection(decide(lead, high=great)),
                    )  # fmt: skip


def _universality(record: Record) -> Iterator[Claim]:
    difference = record.get("similar_minus_others")
    value = Interval.of(difference) if difference else None
    yield Claim(
        "P5", "important heads agree between similar tasks, less between dissimilar ones", None, None, None,
        statistic="r of MNLI and RTE minus the other pairs'" if value else "needs MNLI, RTE and a third task",
        value=value, rule="above 0", verdict=decide(value, low=0, strict=True) if value else "undecided",
    )  # fmt: skip


def _tree(records: Sequence[Record]) -> Iterator[Claim]:
    for record in records:
        lead = Interval.of(record["random"]["difference"], 100)
        yield Claim(
            "P6", "tree edges carry the prediction", **_of(record),
            statistic="faithfulness minus random trees', points", value=lead,
            rule="above 0", verdict=decide(lead, low=0, strict=True),
        )  # fmt: skip
        if reviewed := record.get("reviewed"):
            value = Interval.of(reviewed, 100)
            yield Claim(
                "R2", "τ = 0.5 makes more sense than 0.4", **_of(record),
                statistic="faithfulness at 0.5 minus at 0.4, points", value=value,
                rule="above 0", verdict=objection(decide(value, low=0, strict=True)),
            )  # fmt: skip
        for baseline in record["baselines"]:
            if baseline["arm"] == "optimum":  # the same objective, solved exactly
                continue
            value = Interval.of(baseline["difference"], 100)
            yield Claim(
                "R3", "a baseline does as well as the tree", **_of(record),
                statistic=f"faithfulness minus that of: {baseline['label']}, points", value=value,
                rule="at most 0", verdict=objection(decide(value, high=0)),
            )  # fmt: skip


def _receptive_field(records: Sequence[Record], rules: Record) -> Iterator[Claim]:
    stable = rules["stable_slope"]
    expected = {
        "mnli": (
            "receptive field stable across layers for MNLI",
            f"within ±{stable:g}",
            {"low": -stable, "high": stable},
        ),
        "sst2": ("receptive field growing for SST-2", "above 0", {"low": 0.0, "strict": True}),
    }
    judged = [record for record in records if record["task"] in expected]
    for record in judged:
        statement, rule, limits = expected[record["task"]]
        slope = record["slope"]
        yield Claim(
            "P7", statement, **_of(record), statistic="slope of the mean distance, tokens per layer",
            value=Interval.of(slope) if slope else None,
            rule=rule, verdict=decide(Interval.of(slope), **limits) if slope else "undecided",
        )  # fmt: skip
    if not judged:
        yield Claim(
            "P7", "receptive field stable for MNLI, growing for SST-2", None, None, None,
            statistic="needs MNLI or SST-2", value=None, rule="", verdict="undecided",
        )  # fmt: skip


def _triggers(records: Sequence[Record], rules: Record) -> Iterator[Claim]:
    for record in records:
        drop, least = record["best"].get("mined"), rules["trigger_drop"]
        value = Interval.of(drop["mean_drop"], 100) if drop else None
        yield Claim(
            "P8", "mined triggers cut accuracy", **_of(record),
            statistic="mean drop of the best mined triggers, points", value=value, rule=f"at least {least:g}",
            verdict=decide(value, low=least) if value else "undecided", paper=PAPER_DROPS.get(record["task"]),
        )  # fmt: skip
        lead = record["best"].get("random", {}).get("lead")
        value = Interval.of(lead, 100) if lead else None
        yield Claim(
            "P8", "and more than random tokens at the same places", **_of(record),
            statistic="mean drop minus that of the best random triggers, points", value=value, rule="above 0",
            verdict=decide(value, low=0, strict=True) if value else "undecided",
        )  # fmt: skip
        correlation = record["spearman"]
        value = Interval.of(correlation) if correlation else None
        yield Claim(
            "R4", "the shown triggers are not representative", **_of(record),
            statistic="Spearman's r of strength and drop, all patterns", value=value, rule="at most 0",
            verdict=objection(decide(value, high=0)) if value else "undecided",
        )  # fmt: skip
