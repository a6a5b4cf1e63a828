"""PyTorch, asked line by line: each line of input is a JSON object, and so is the answer.

{"task": {...}}   gets one ready         -> {}
{"repeats": 7}    does it seven times    -> {"seconds": 0.0012}
"""

import json
import sys
import time

import torch
import torch.nn.functional as functional

FUNCTIONS = {"exp": torch.exp, "sigmoid": torch.sigmoid, "tanh": torch.tanh}


def numbers(*shape):
    return torch.rand(*shape) - 0.5


def optimizer(name, parameters):
    """Fused where PyTorch has it so, else over all tensors at once."""
    rate = 1e-6
    match name:
        case "SGD":
            return torch.optim.SGD(parameters, lr=rate, fused=True)
        case "momentum":
            return torch.optim.SGD(parameters, lr=rate, momentum=0.9, fused=True)
        case "Adagrad":
            return torch.optim.Adagrad(parameters, lr=rate, fused=True)
        case "RMSprop":
            return torch.optim.RMSprop(parameters, lr=rate, foreach=True)
        case "Adam":
            return torch.optim.Adam(parameters, lr=rate, fused=True)
    raise ValueError(name)


def update(name, size):
    parameter = torch.nn.Parameter(numbers(size))
    parameter.grad = numbers(size)
    return optimizer(name, [parameter]).step


def function(name, size):
    x, y = numbers(size), torch.empty(size)
    if name == "ReLU":
        return lambda: torch.clamp_min(x, 0.0, out=y)
    h = FUNCTIONS[name]
    return lambda: h(x, out=y)


def step(name, layers, batch):
    modules = []
    for inputs, outputs in zip(layers, layers[1:]):
        modules += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*modules[:-1])
    descent = optimizer(name, network.parameters())
    x, labels = numbers(batch, layers[0]), torch.arange(batch) % layers[-1]

    def once():
        descent.zero_grad(set_to_none=True)
        functional.cross_entropy(network(x), labels).backward()
        descent.step()

    return once


TASKS = {"update": update, "function": function, "step": step}


def repeat(task, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        task()
    return time.perf_counter() - start


def answer(line, tasks):
    question = json.loads(line)
    if "task" in question:
        task = question["task"]
        tasks[:] = [TASKS[task.pop("kind")](**task)]
        return {}
    return {"seconds": repeat(tasks[0], question["repeats"])}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(1)
    kernels = torch.backends.cpu.get_cpu_capability()
    print(json.dumps({"version": torch.__version__, "kernels": kernels}), flush=True)
    tasks = []
    for line in sys.stdin:
        print(json.dumps(answer(line, tasks)), flush=True)


main()
