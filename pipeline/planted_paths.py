"""Train models whose carrying edges are known, and score them.

Which scores find what is there by construction?

Reads:  nothing: texts and models are made here (docs/method.md, "Planted paths")
Writes: outputs/planted_paths/<seed>/{outcomes,losses,edges}.parquet, models.json
Run:    python -m pipeline.planted_paths seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import planted_paths_folder


def main(config: StageConfig) -> None:
    """For one path and for two of which either suffices: draw, train, score."""
    from pipeline.experiments.planted_paths import score
    from pipeline.experiments.planted_paths.plant import PAIRS, draw_circuit, draw_model, texts
    from pipeline.launch.work import unfinished
    from pipeline.predicting.device import device_for
    from pipeline.predicting.predict import predict_logits
    from pipeline.tracking.jobs import track_job
    from pipeline.training.classifier import fine_tune
    from pipeline.values.store import write_json, write_rows

    seed, settings = config.seed, config.planted_paths
    folder = planted_paths_folder(config.output_root, seed)
    tables: dict[str, list[dict[str, object]]] = {"outcomes": [], "losses": [], "edges": []}
    models = []
    where = {"device": device_for(config.run.trainer), "workers": config.run.workers}
    how = {"settings": settings, "epochs": settings.epochs, "seed": seed, **where}
    with unfinished(config) as checkpoints, track_job(config):
        for design in PAIRS:
            circuit = draw_circuit(design, seed=seed)
            train = texts(circuit, settings.n_train, seed=seed, split="train")
            dev = texts(circuit, settings.n_examples, seed=seed, split="dev")
            model = draw_model(circuit, seed=seed)
            fine_tune(model, train, dev, **how, checkpoints=checkpoints.within(design.replace(" ", "_")))
            logits = predict_logits(model, dev)
            right = sum(int(row.argmax()) == one.label for row, one in zip(logits, dev, strict=True))
            models.append({"design": design, "n": len(dev), "correct": right})
            found = score.outcomes(model, circuit, dev, design=design, seed=seed, kept=settings.n_kept)
            for rows, more in zip(tables.values(), found, strict=True):
                rows += more
        for name, rows in tables.items():
            write_rows(folder / f"{name}.parquet", rows)
        write_json(folder / "models.json", {"models": models})


if __name__ == "__main__":
    run_stage("planted_paths", main)
