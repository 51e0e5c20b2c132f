"""PyTorch's side of the benchmark: one JSON request a line on stdin, one JSON answer a line on stdout.

{"do": "prepare", "family": ..., "dtype": ..., "shape": {...}, "threads": ...}  ->  {"id": 1} or {"unsupported": true}
{"do": "run", "id": 1, "n": 10}                                                 ->  {"seconds": per iteration}
{"do": "close", "id": 1}                                                        ->  {}

The first line out, before any request, is {"version": ...}. A request that fails is answered {"error": ...}.
"""

import json
import sys
import time


def answer(**fields):
    print(json.dumps(fields), flush=True)


try:
    import torch
    import torch.nn.functional as F
except ImportError as e:
    answer(error=str(e))
    sys.exit(1)

DTYPES = {"f32": torch.float32, "f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16}


def uniform(dtype, *shape):
    return (2 * torch.rand(*shape) - 1).to(dtype)


def gemm(dtype, m, n, k, layout):
    a = uniform(dtype, k, m).t() if layout == "tn" else uniform(dtype, m, k)
    b = uniform(dtype, n, k).t() if layout == "nt" else uniform(dtype, k, n)
    c = torch.ones(m, n, dtype=dtype)
    ways = [lambda: torch.mm(a, b, out=c)]
    if m == 1:
        ways.append(lambda: torch.mv(b.t(), a[0], out=c[0]))
    elif n == 1:
        ways.append(lambda: torch.mv(a, b[:, 0], out=c[:, 0]))
    return ways


def attention(dtype, batch, heads, seq, dim, causal):
    q, k, v = (uniform(dtype, batch, heads, seq, dim) for _ in range(3))
    return [lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal)]


def layernorm(dtype, rows, cols):
    x, w, b = uniform(dtype, rows, cols), uniform(dtype, cols), uniform(dtype, cols)
    return [lambda: F.layer_norm(x, (cols,), w, b, 1e-5)]


def rmsnorm(dtype, rows, cols):
    x, w = uniform(dtype, rows, cols), uniform(dtype, cols)
    return [lambda: F.rms_norm(x, (cols,), w, 1e-6)]


def gelu(dtype, rows, cols):
    x, y = uniform(dtype, rows, cols), torch.ones(rows, cols, dtype=dtype)
    return [lambda: F.gelu(x), lambda: torch.ops.aten.gelu.out(x, out=y)]


def softmax(dtype, rows, cols):
    x, y = uniform(dtype, rows, cols), torch.ones(rows, cols, dtype=dtype)
    return [lambda: F.softmax(x, -1), lambda: torch.ops.aten._softmax.out(x, -1, False, out=y)]


def topk(dtype, n, k):
    x = uniform(dtype, n)
    out = (torch.empty(k, dtype=dtype), torch.empty(k, dtype=torch.int64))
    return [lambda: torch.topk(x, k), lambda: torch.topk(x, k, out=out)]


def sort(dtype, n):
    x = uniform(dtype, n)
    out = (torch.empty_like(x), torch.empty(n, dtype=torch.int64))
    return [lambda: torch.sort(x), lambda: torch.sort(x, out=out)]


# Each makes a case's tensors and returns the ways to do its work.
FAMILIES = {f.__name__: f for f in (gemm, attention, layernorm, rmsnorm, gelu, softmax, topk, sort)}


def seconds(work, n):
    start = time.perf_counter()
    for _ in range(n):
        work()
    return (time.perf_counter() - start) / n


def quickest(ways):
    """The fastest of several ways to do the same work, by the best of a few calls of each."""
    if len(ways) == 1:
        return ways[0]
    for work in ways:
        work()
    return min(ways, key=lambda work: min(seconds(work, 1) for _ in range(5)))


class Peer:
    def __init__(self):
        self.cases, self.last = {}, 0

    def prepare(self, r):
        make = FAMILIES.get(r["family"])
        if make is None or r["dtype"] not in DTYPES:
            return {"unsupported": True}
        torch.manual_seed(1)
        torch.set_num_threads(r["threads"])
        work = quickest(make(DTYPES[r["dtype"]], **r["shape"]))
        self.last += 1
        self.cases[self.last] = work, r["threads"]
        return {"id": self.last}

    def run(self, r):
        work, threads = self.cases[r["id"]]
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        return {"seconds": seconds(work, r["n"])}

    def close(self, r):
        self.cases.pop(r["id"], None)
        return {}


def main():
    peer = Peer()
    do = {"prepare": peer.prepare, "run": peer.run, "close": peer.close}
    answer(version=torch.__version__)
    with torch.inference_mode():
        for line in sys.stdin:
            try:
                request = json.loads(line)
                answer(**do[request["do"]](request))
            except Exception as e:  # whatever a case raises is its answer, and the next one is served
                answer(error=f"{type(e).__name__}: {e}")


main()
