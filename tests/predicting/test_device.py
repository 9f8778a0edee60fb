"""On which device a model runs, and what is said where there is none."""

import pytest
import torch

from pipeline.errors import InputError
from pipeline.predicting.device import device_for
from pipeline.values.schema import Trainer


def trainer(accelerator, devices=1):
    return Trainer(accelerator=accelerator, devices=devices, strategy="ddp_spawn" if devices > 1 else "auto")


@pytest.fixture
def gpus(monkeypatch):
    """`gpus(count, cuda="12.8")`: torch as it is on a machine with so many GPUs that work."""

    def make(count, cuda="12.8"):
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr("torch.cuda.is_available", lambda: count > 0)
        monkeypatch.setattr("torch.cuda.device_count", lambda: count)
        monkeypatch.setattr(torch, "zeros", lambda *_, **__: None)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return make


def test_the_device_is_the_one_that_the_trainer_names(gpus):
    for count in (0, 1, 2):
        gpus(count)
        assert device_for(trainer("cpu")).type == device_for(trainer("cpu", 4)).type == "cpu"
    gpus(0)
    assert device_for(trainer("auto")).type == device_for(trainer("auto", 2)).type == "cpu"
    gpus(2)
    for accelerator in ("gpu", "auto"):
        assert device_for(trainer(accelerator)).type == device_for(trainer(accelerator, 2)).type == "cuda"


def test_a_gpu_that_is_not_there_is_one_line(gpus, monkeypatch):
    remedy = ": set run.trainer.accelerator=cpu$"
    gpus(0, cuda=None)
    with pytest.raises(InputError, match="accelerator is gpu, but this torch is built without CUDA" + remedy):
        device_for(trainer("gpu"))
    gpus(0)
    with pytest.raises(InputError, match="^run.trainer.accelerator is gpu, but torch sees no GPU" + remedy):
        device_for(trainer("gpu"))
    for hidden in ("", "99", "none"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        with pytest.raises(InputError, match=rf'sees no GPU \(CUDA_VISIBLE_DEVICES is "{hidden}"\)' + remedy):
            device_for(trainer("gpu"))


@pytest.mark.parametrize("accelerator", ["gpu", "auto"])
def test_more_gpus_than_there_are_is_one_line(gpus, accelerator):
    gpus(1)
    with pytest.raises(InputError, match=r"^run.trainer.devices is 2, but torch sees 1 GPU: set at most 1$"):
        device_for(trainer(accelerator, 2))


def test_a_gpu_that_does_not_work_is_one_line(gpus, monkeypatch):
    gpus(1)

    def busy(*_, **__):
        raise RuntimeError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA")

    monkeypatch.setattr(torch, "zeros", busy)
    with pytest.raises(InputError, match=r"^the GPU does not work \(CUDA error: out of memory\): free it, or set run"):
        device_for(trainer("gpu"))
