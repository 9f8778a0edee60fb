"""With one model per task the verdicts of the preset's kept results stand beside."""

from pipeline.reporting.claims import kept
from pipeline.reporting.claims.kept import kept_verdicts, most_models
from pipeline.reporting.claims.tables import claim_rows
from pipeline.values.store import write_json

CLAIM = {"id": "P1", "claim": "it is so", "verdict": "open on 1 of 1", "any": False, "tasks": []}


def test_kept_verdicts_stand_beside_those_of_one_model_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "SOURCE", tmp_path)
    records = {"records": [CLAIM | {"verdict": "reproduced on 1 of 1"}]}
    write_json(tmp_path / "results/mini/outputs/analysis/claims/records.json", records)
    one = [{"task": "negation"}, {"task": "inference"}]
    found = kept_verdicts("mini", models=most_models(one))
    assert found == {"P1": "reproduced on 1 of 1"}
    assert kept_verdicts("paper", models=1) == kept_verdicts("mini", models=most_models([*one, one[0]])) == {}
    (row,) = claim_rows([CLAIM], found)
    assert (row["verdict"], row["kept"]) == ("open on 1 of 1", "reproduced on 1 of 1")
    assert "kept" not in claim_rows([CLAIM])[0]
