"""The presets of conf/, composed into values."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from pipeline.values.choices import check_choices
from pipeline.values.inputs import data_dep, model_dep
from pipeline.values.params import load_params
from pipeline.values.paths import PRESETS
from pipeline.values.schema import Params
from pipeline.values.tables import tables_given


def compose_params(overrides: Sequence[str]) -> Params:
    """Compose conf/ with Hydra overrides such as `preset=minilm` and `prune.random_orders=50`, and check it.

    Raises:
        InputError: if a value is not allowed. Hydra's own errors, for keys it does not know, pass through.
    """
    check_choices(overrides)
    emptied = [f"{key}=null" for key in tables_given(overrides)]
    # The preset's commit is of the preset's repository.
    named = {override.partition("=")[0].lstrip("+") for override in overrides}
    emptied += [f"{part}.revision=null" for part in ("data", "model") if named & {f"{part}.name", f"{part}.source"}]
    with _beside_running_app(), initialize_config_dir(str(PRESETS), version_base="1.3"):
        config = compose("compose", overrides=[*emptied, *overrides], return_hydra_config=True)
    values = {str(key): _plain(config[key]) for key in config if key != "hydra"}
    return load_params({"preset": config.hydra.runtime.choices["preset"], **_with_deps(values)})


def overrides(values: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """What differs from the preset that `values` names.

    Args:
        values: `preset` and any other entries of params.yaml, such as a stage's `StageConfig.values()`. `run` cannot
            change a result and is passed over.

    Returns:
        (key, the preset's value, the value), in the order of params.yaml.
    """
    preset = compose_params([f"preset={values['preset']}"]).model_dump(mode="json")
    differences = []
    for name, expected in preset.items():
        if name in ("preset", "run") or name not in values:
            continue
        pairs = expected if isinstance(expected, dict) else {None: expected}
        for key, old in pairs.items():
            new = values[name] if key is None else values[name][key]
            if new != old:
                differences.append((name if key is None else f"{name}.{key}", old, new))
    return differences


@contextmanager
def _beside_running_app() -> Iterator[None]:
    """Hydra composes for one app per process, and a stage that asks for a preset is such an app."""
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().clear()
        if running is not None:
            GlobalHydra.instance().initialize(running)


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _with_deps(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add data.dep and model.dep; what is no section is left for the schema to refuse."""
    complete = dict(values)
    data, model = values.get("data"), values.get("model")
    if isinstance(data, dict):
        complete["data"] = {**data, "dep": data_dep(str(data.get("source")), data.get("name"))}
    if isinstance(model, dict):
        complete["model"] = {**model, "dep": model_dep(str(model.get("source")), model.get("name"))}
    return complete
