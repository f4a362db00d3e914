"""The loss of two processes: sharded by FSDP2, and by DDP with nothing to learn on one of them. On CPUs, by gloo."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__)
EXACT = 5e-6


WAYS = ("ddp", "fsdp2", "fsdp2 with an own head", "fsdp2 with adapters", "fsdp2 selftest")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """For each process what became of each way: all in one pair of processes, since starting them takes longest."""
    folder = tmp_path_factory.mktemp("processes")
    started = [
        subprocess.Popen(
            [sys.executable, str(HERE), str(folder / "meet")],
            env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [process.communicate(timeout=280) for process in started]
    return [json.loads(out.splitlines()[-1]) if out else {"died": err[-3000:]} for out, err in told]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.timeout(300)
def test_two_processes_compute_what_one_does(how, outcomes):
    for of_process in outcomes:
        assert of_process.get(how) == "as one", of_process


def _tiny():
    spec = importlib.util.spec_from_file_location("architectures", HERE.parent / "architectures.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _model(tiny, how):
    made = tiny.model("llama-tied" if how in ("ddp", "fsdp2") else "llama", "sdpa")
    return tiny.adapted(made) if "adapters" in how else made


def _sharded(model, how):
    from torch.distributed.fsdp import fully_shard

    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    for layer in base.model.layers:
        fully_shard(layer)
    if "own head" in how:
        fully_shard(base.lm_head)
    return fully_shard(model)


def _learnt(tiny, rank, *, lonely):
    """This process's examples of all, and what is learnt from them; a lonely first process has all that counts."""
    import torch

    examples = tiny.rows((30, 41, 25, 1))
    shares = (examples, [[1]]) if lonely else (examples[:2], examples[2:])
    mine = shares[rank]
    learnt = tiny.learnt(mine)
    learnt["token_weights"] = torch.full_like(learnt["token_weights"], 0.01)
    return tiny.packed(mine), learnt


def _alone(tiny, how, *, lonely):
    """Gradients of all examples in one process, by full logits."""
    import torch

    model = _model(tiny, how)
    total = 0.0
    for rank in range(2):
        inputs, learnt = _learnt(tiny, rank, lonely=lonely)
        logits = model(**inputs).logits[0][learnt["predicts"]]
        losses = torch.nn.functional.cross_entropy(logits, learnt["targets"], reduction="none")
        total = total + (losses * learnt["token_weights"]).sum()
    return tiny.gradients(model, total)


def _together(tiny, model, how, rank, *, lonely):
    """This process's part of it; processes' gradients are averaged, hence the factor 2."""
    import torch
    from torch.distributed.tensor import DTensor

    inputs, learnt = _learnt(tiny, rank, lonely=lonely)
    for _ in range(2):  # the second pass sees what the first left behind
        model.zero_grad()
        (2 * model(**inputs, **learnt).loss).backward()
    bare = model.module if how == "ddp" else model
    return {
        name: parameter.grad.full_tensor() if isinstance(parameter.grad, DTensor) else parameter.grad
        for name, parameter in bare.named_parameters()
        if parameter.requires_grad and torch.is_tensor(parameter.grad)
    }


def _check(how, rank):
    import torch
    from magicoder_flash_attention import head, selftest

    tiny = _tiny()
    model = _model(tiny, how)
    attached = head.attach(model)
    model = torch.nn.parallel.DistributedDataParallel(model) if how == "ddp" else _sharded(model, how)
    if "selftest" in how:
        proof = selftest.prove(model, "sdpa", tiny.rows())
        assert proof.ok, proof.detail
        assert proof.gradients is None
        assert proof.control > 0.05
    assert attached.kind == ("logits" if "own head" in how else "chunked")
    for lonely in (False, True):
        expected = _alone(tiny, how, lonely=lonely)
        found = _together(tiny, model, how, rank, lonely=lonely)
        assert set(found) == set(expected)
        for name, slope in expected.items():
            assert tiny.apart(found[name], slope) < EXACT, (name, lonely, tiny.apart(found[name], slope))


def _main(meeting):
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    rank = int(os.environ["RANK"])
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    outcomes = {}
    for how in WAYS:
        try:
            _check(how, rank)
            outcomes[how] = "as one"
        except AssertionError as error:
            outcomes[how] = f"not as one: {error}"
    print(json.dumps(outcomes), flush=True)  # noqa: T201 - what the test reads
    dist.destroy_process_group()


if __name__ == "__main__":
    _main(sys.argv[1])
