"""A layer of lanegrad on numpy arrays, through ctypes, without copies: checked against numpy, then timed.

    LANEGRAD=/usr/local/lib/liblanegrad.so python3 layer.py
"""

import ctypes as c
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one thread each

import numpy as np

ABI = 1  # LANEGRAD_ABI of the header that the declarations below are taken from
IDENTITY, SIGMOID, TANH, SOFTSIGN, RELU = range(5)


class Matrix(c.Structure):
    """lanegrad_matrix and lanegrad_matrix_mut: both have these fields."""

    _fields_ = [("data", c.c_void_p), ("rows", c.c_size_t), ("cols", c.c_size_t),
                ("row_stride", c.c_ssize_t), ("col_stride", c.c_ssize_t)]


lib = c.CDLL(os.environ.get("LANEGRAD", "liblanegrad.so.%d" % ABI))
lib.lanegrad_message.restype = lib.lanegrad_version.restype = c.c_char_p
if lib.lanegrad_abi() != ABI:
    raise ImportError("lanegrad %s has another binary interface" % lib.lanegrad_version().decode())


def declare(name, *argtypes):
    """A function that raises lanegrad's message."""
    function = getattr(lib, name)
    function.argtypes = argtypes

    def check(code, _function, _arguments):
        if code != 0:
            raise ValueError(lib.lanegrad_message().decode())

    function.errcheck = check
    return function


Handle, Floats = c.c_void_p, c.c_void_p
backend_new = declare("lanegrad_backend_new_with_threads", c.c_size_t, c.POINTER(Handle))
forward = declare("lanegrad_forward", Handle, Matrix, Matrix, Floats, c.c_size_t, c.c_int32, Matrix)
backward = declare("lanegrad_backward", Handle, Matrix, Matrix, c.c_int32, c.POINTER(Matrix), Matrix)
gradient = declare("lanegrad_gradient", Handle, Matrix, Matrix, c.c_int32, c.POINTER(Matrix), Floats, c.c_size_t)
lib.lanegrad_backend_free.argtypes = [Handle]
lib.lanegrad_backend_free.restype = None


def matrix(array, writable=False):
    """The elements of a two-dimensional array of float32, in any layout. Keep the array alive during the call."""
    if array.dtype != np.float32 or array.ndim != 2:
        raise TypeError("expected a matrix of float32, found %d dimensions of %s" % (array.ndim, array.dtype))
    address, read_only = array.__array_interface__["data"]
    if writable and read_only:
        raise ValueError("the array is read-only")
    rows, cols = array.shape
    row, col = array.strides
    if row % 4 or col % 4:
        raise ValueError("the strides are not multiples of an element")
    return Matrix(address, rows, cols, row // 4, col // 4)


def output(array):
    return matrix(array, writable=True)


class Layer:
    """z = tanh(x w^T + bias) and its derivatives."""

    def __init__(self, w, bias, threads=1):
        self.w, self.bias = w, bias
        self.backend = Handle()
        backend_new(threads, c.byref(self.backend))

    def __del__(self):
        lib.lanegrad_backend_free(self.backend)

    def forward(self, x, z):
        forward(self.backend, matrix(x), matrix(self.w), self.bias.ctypes.data, self.bias.size, TANH, output(z))

    def backward(self, delta, below, delta_below):
        below = None if below is None else c.byref(matrix(below))
        backward(self.backend, matrix(delta), matrix(self.w), TANH, below, output(delta_below))

    def gradient(self, delta, x, dw, db):
        gradient(self.backend, matrix(delta), matrix(x), 0, c.byref(output(dw)), db.ctypes.data, db.size)


def layouts(array):
    """The same elements in every layout that numpy has."""
    rows, cols = array.shape
    yield "C", array.copy("C")
    yield "F", array.copy("F")
    yield "rows reversed", array[::-1].copy()[::-1]
    yield "both reversed", array[::-1, ::-1].copy()[::-1, ::-1]
    spread = np.full((2 * rows, 3 * cols), np.nan, np.float32)
    spread[::2, ::3] = array
    yield "steps", spread[::2, ::3]
    yield "F, columns reversed", array[:, ::-1].copy("F")[:, ::-1]


def check(found, exact, terms, count, what):
    """Within the rounding of sums of this many terms, and of tanh."""
    bound = (count + 16) * 2.0**-24 * terms + 1e-30
    worst = np.max(np.abs(found.astype(np.float64) - exact) / bound, initial=0.0)
    if not worst <= 1.0:
        raise AssertionError("%s: %.2f times the bound" % (what, worst))


def correctness(rng):
    checked = 0
    for batch, inputs, units in [(1, 1, 1), (5, 7, 3), (1, 70, 33), (33, 70, 37), (64, 1, 20), (0, 4, 3), (3, 4, 0)]:
        x, w, delta = (rng.uniform(-1, 1, shape).astype(np.float32)
                       for shape in [(batch, inputs), (units, inputs), (batch, units)])
        bias = rng.uniform(-1, 1, units).astype(np.float32)
        x64, w64, delta64, bias64 = (a.astype(np.float64) for a in (x, w, delta, bias))
        z64 = np.tanh(x64 @ w64.T + bias64)
        z_terms = np.abs(x64) @ np.abs(w64.T) + np.abs(bias64) + 1
        below = np.tanh(x)  # outputs of a layer below
        below64 = below.astype(np.float64)
        dx64 = delta64 @ w64 * (1 - below64**2)
        for (name, x_), (_, w_), (_, d_), (_, below_) in zip(*(layouts(a) for a in (x, w, delta, below))):
            for order in "CF":
                z, dx, dw = (np.full(shape, np.nan, np.float32, order)
                             for shape in [(batch, units), (batch, inputs), (units, inputs)])
                db = np.full(units, np.nan, np.float32)
                layer = Layer(w_, bias)
                layer.forward(x_, z)
                layer.backward(d_, below_, dx)
                layer.gradient(d_, x_, dw, db)
                what = "%s to %s, %dx%d to %d" % (name, order, batch, inputs, units)
                check(z, z64, z_terms, inputs, "forward, " + what)
                check(dx, dx64, np.abs(delta64) @ np.abs(w64), units, "backward, " + what)
                check(dw, delta64.T @ x64, np.abs(delta64.T) @ np.abs(x64), batch, "gradient, " + what)
                check(db, delta64.sum(0), np.abs(delta64).sum(0), batch, "bias gradient, " + what)
                checked += 4
    x = np.zeros((2, 3), np.float32)
    for mistake in (lambda: Layer(np.zeros((4, 5), np.float32), x[0]).forward(x, x),
                    lambda: Layer(np.zeros((3, 3), np.float32), x[0]).forward(x, x),
                    lambda: matrix(x.astype(np.float64)), lambda: matrix(x[0]), lambda: output(np.broadcast_to(x, (2, 3)))):
        try:
            mistake()
        except (TypeError, ValueError):
            continue
        raise AssertionError("a mistake was not refused")
    print("%d results equal numpy's within their bounds" % checked)


def threads(rng):
    """A layer gives the same bits on any number of threads. ctypes releases the interpreter's lock during a call."""
    x, w = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in [(256, 300), (500, 300)])
    found = [np.empty((256, 500), np.float32) for _ in range(4)]
    for z, number in zip(found, (1, 2, 3, 7)):
        Layer(w, w[:, 0].copy(), number).forward(x, z)
    if any(z.tobytes() != found[0].tobytes() for z in found):
        raise AssertionError("the bits depend on the number of threads")
    print("1, 2, 3 and 7 threads compute the same bits")


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def time_per_call(call, calls):
    """The median of several rounds, in nanoseconds of processor time."""
    rounds = []
    for _ in range(21):
        start = time.process_time_ns()
        for _ in range(calls):
            call()
        rounds.append((time.process_time_ns() - start) / calls)
    return sorted(rounds)[len(rounds) // 2]


def costs(rng):
    def case(batch, inputs, units):
        x, w = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in [(batch, inputs), (units, inputs)])
        return Layer(w, np.zeros(units, np.float32)), x, np.empty((batch, units), np.float32)

    layer, x, z = case(32, 64, 16)
    delta, dw, db, dx = np.ones_like(z), np.empty_like(layer.w), np.empty(16, np.float32), np.empty_like(x)

    def calls(count):
        for _ in range(count):
            layer.forward(x, z)
            layer.backward(delta, None, dx)
            layer.gradient(delta, x, dw, db)
            try:
                layer.gradient(delta, x, x, db)
            except ValueError:
                pass

    # The interpreter's own pools fill once.
    calls(25_000)
    before = resident_bytes()
    calls(25_000)
    growth = resident_bytes() - before
    print("memory grew by %d bytes in 100,000 calls, a quarter of them refused" % growth)
    # Less than a byte per call: any allocation that stays is larger.
    if growth >= 100_000:
        raise AssertionError("memory grows")

    print("forward        from arrays  arguments kept  kernel itself  numpy, x @ w.T")
    overhead = None
    for shape in [(1, 1, 1), (1, 64, 16), (32, 64, 16), (1, 784, 128), (128, 784, 128)]:
        layer, x, z = case(*shape)
        arguments = (layer.backend, matrix(x), matrix(layer.w), layer.bias.ctypes.data, layer.bias.size, TANH, output(z))
        count = 3 if shape[0] * shape[1] * shape[2] > 1_000_000 else 2000
        arrays, kept, product = (time_per_call(call, count) for call in (
            lambda: layer.forward(x, z), lambda: forward(*arguments), lambda: np.matmul(x, layer.w.T, out=z)))
        overhead = overhead or kept  # the first has one element
        print("%-13s %9.0f ns %12.0f ns %11.0f ns %12.0f ns"
              % ("%dx%d to %d" % shape, arrays, kept, kept - overhead, product))
    print("a call's overhead is %.0f ns with arguments that are kept: all of the smallest forward" % overhead)


if __name__ == "__main__":
    generator = np.random.default_rng(1)
    correctness(generator)
    threads(generator)
    costs(generator)
