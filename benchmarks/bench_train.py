"""Our training loop against Hugging Face's Trainer: the same model, documents, optimizer and number of tokens.

Each round runs every contender once in a process of its own (peak memory is per process), one after the other, and the
best of the rounds counts. Ours keeps attention inside documents; the Trainer gets rows cut from the joined text, as is
usual, so its documents see each other. Needs the extra `train`, and accelerate for the Trainer.

    python benchmarks/bench_train.py --size small --rounds 2
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CONTENDERS = ("ours", "ours+muon", "trainer")
WARM = 3


def main() -> None:
    options = parse()
    if options.contender:
        print(json.dumps(measure(options)))
        return
    rows: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for contender in CONTENDERS:
            command = [sys.executable, __file__, "--contender", contender, *passed_on(options)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{contender}: left out: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                continue
            rows.setdefault(contender, []).append(json.loads(done.stdout.splitlines()[-1]))
    show(rows)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="small", choices=["nano", "tiny", "small"])
    parser.add_argument("--vocab", type=int, default=8192)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--document", type=int, default=200, help="mean tokens of a document")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    return parser.parse_args()


def passed_on(options: argparse.Namespace) -> list[str]:
    kept = {k: v for k, v in vars(options).items() if k not in ("contender", "rounds")}
    return [part for key, value in kept.items() for part in (f"--{key}", str(value))]


def show(rows: dict[str, list[dict[str, float]]]) -> None:
    print(f"{'loop':12} {'tokens/cpu-s':>12} {'peak MB':>9}   ours / this: speed, memory")
    best = {name: max(found, key=lambda row: row["speed"]) for name, found in rows.items()}
    for name, row in best.items():
        speed, memory = best["ours"]["speed"] / row["speed"], best["ours"]["peak"] / row["peak"]
        print(f"{name:12} {row['speed']:12,.0f} {row['peak']:9,.0f}   {speed:.2f}x, {memory:.2f}x")


def measure(options: argparse.Namespace) -> dict[str, float]:
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        model = make(options)
        run = trainer if options.contender == "trainer" else ours
        found = run(model, options, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return {**found, "peak": peak}


def make(options: argparse.Namespace):  # noqa: ANN201
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from lontar.models.tiny import SHAPES

    shape = SHAPES[options.size]
    torch.manual_seed(0)
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=options.vocab,
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.key_heads,
            head_dim=shape.head_width,
            tie_word_embeddings=True,
            use_cache=False,
        )
    )


def documents(options: argparse.Namespace):  # noqa: ANN201
    """Random documents with lengths around the mean, ids spread as in text (few of them often)."""
    from lontar.train.tokens import TokenStore

    rng = np.random.default_rng(0)
    wanted = (WARM + options.steps) * options.batch * options.length
    lengths = []
    while sum(lengths) < wanted:
        lengths.append(int(rng.gamma(2.0, options.document / 2)) + 8)
    ids = np.minimum(rng.zipf(1.2, sum(lengths)), options.vocab - 1).astype(np.int32)
    return TokenStore(ids, np.cumsum([0, *lengths]), np.array(lengths))


def ours(model, options: argparse.Namespace, folder: Path) -> dict[str, float]:  # noqa: ANN001
    from lontar.train import loop, packing
    from lontar.train.batches import Stream
    from lontar.train.config import PretrainConfig
    from lontar.train.optim import Optimizers

    steps = WARM + options.steps
    stream = Stream(
        {"en": documents(options)}, {"en": 1.0}, steps=steps, rows=options.batch, length=options.length, seed=0
    )
    config = PretrainConfig(batch=options.batch, seq_len=options.length, dtype=options.dtype, lr=1e-3)
    packing.prepare(model)
    model.train()
    kind = "muon" if options.contender == "ours+muon" else "adamw"
    dtype = loop.arithmetic(model.device, options.dtype)
    optimizers, state = Optimizers(model, kind=kind, lr=1e-3, matrix_lr=0.01, dtype=dtype), loop.State()
    begin, tokens = 0.0, 0
    with loop.exact(options.threads, 0):
        for step in range(steps):
            if step == WARM:
                begin, tokens = time.process_time(), sum(state.seen.values())
            loop._step(model, optimizers, stream, config, steps, state)
        seconds = time.process_time() - begin
    return {"speed": (sum(state.seen.values()) - tokens) / seconds}


def trainer(model, options: argparse.Namespace, folder: Path) -> dict[str, float]:  # noqa: ANN001
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from lontar.train import loop

    ids = documents(options).ids
    rows = ids[: len(ids) // options.length * options.length].reshape(-1, options.length)
    dataset = [
        {"input_ids": torch.from_numpy(r.astype(np.int64)), "labels": torch.from_numpy(r.astype(np.int64))}
        for r in rows
    ]
    bf16 = loop.arithmetic(model.device, options.dtype) == torch.bfloat16
    seen = {"begin": 0.0, "end": 0.0}

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs) -> None:  # noqa: ANN001, ANN003
            seen["begin" if state.global_step == WARM else "end"] = time.process_time()

    arguments = TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=options.batch, max_steps=WARM + options.steps, bf16=bf16,
        use_cpu=True, learning_rate=1e-3, optim="adamw_torch_fused", adam_beta2=0.95, report_to=[], save_strategy="no",
        disable_tqdm=True, logging_strategy="no", gradient_checkpointing=False,
    )  # fmt: skip
    Trainer(model, arguments, train_dataset=dataset, callbacks=[Clock()]).train()
    tokens = options.steps * options.batch * (options.length - 1)
    return {"speed": tokens / (seen["end"] - seen["begin"])}


if __name__ == "__main__":
    main()
