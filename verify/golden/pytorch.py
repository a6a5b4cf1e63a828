"""Makes pytorch.json: parameters after 1, 10, 100 and 1000 steps of PyTorch's optimizers, on prescribed gradients.

    pip install torch && python3 verify/golden/pytorch.py > verify/golden/pytorch.json

There is no network: its chaos would hide a wrong form. PyTorch computes in float64, where 1 - lr * weight_decay and the betas are not
rounded to float32. The gradients are exact in float32.
"""

import json

import torch

PARAMETERS = 16
STEPS = [1, 10, 100, 1000]


def numbers():
    """A linear congruential generator; numbers in [-0.75, 1.25), multiples of 2^-23."""
    x = 1
    while True:
        x = (1664525 * x + 1013904223) % 2**32
        yield (x >> 8) / 2**23 - 0.75


def run(make):
    draw = numbers()
    theta = torch.tensor([next(draw) for _ in range(PARAMETERS)], dtype=torch.float64, requires_grad=True)
    optimizer = make([theta])
    after = []
    for step in range(1, STEPS[-1] + 1):
        # Each parameter's gradients have a magnitude of their own.
        theta.grad = torch.tensor([next(draw) * 2.0 ** (i % 8 - 4) for i in range(PARAMETERS)], dtype=torch.float64)
        optimizer.step()
        if step in STEPS:
            after.append(theta.tolist())
    return after


CASES = {
    "AdamW": lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=1e-2),
    "Adam": lambda p: torch.optim.Adam(p, lr=1e-3),
    "Adam, weight decay 0.1": lambda p: torch.optim.Adam(p, lr=1e-3, weight_decay=0.1),
    "SGD": lambda p: torch.optim.SGD(p, lr=1e-2),
    "SGD, weight decay 0.1": lambda p: torch.optim.SGD(p, lr=1e-2, weight_decay=0.1),
    "SGD, momentum 0.9": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9),
    "SGD, momentum 0.9, weight decay 0.1": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, weight_decay=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=1e-3),
    "RMSprop, weight decay 0.1": lambda p: torch.optim.RMSprop(p, lr=1e-3, weight_decay=0.1),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2),
    "Adagrad, weight decay 0.1": lambda p: torch.optim.Adagrad(p, lr=1e-2, weight_decay=0.1),
}

cases = {name: run(make) for name, make in CASES.items()}
print(json.dumps({"torch": torch.__version__, "steps": STEPS, "cases": cases}, indent=1))
