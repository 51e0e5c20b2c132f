"""Writes the goldens in this directory: what PyTorch and NumPy make of small inputs, with gradients by autograd.

    python3 goldens.py            (needs torch and numpy; about a minute)

Everything is float64 and comes from fixed seeds. A case is an op of internal/op by its name, its parameters, inputs
and outputs, and where PyTorch has a gradient also dy, of the first output, and the gradient of each input.

Where the conventions differ on purpose, no golden asks for theirs:
  - PyTorch's clamp has stopped the gradient at its bounds, which it let pass once; ours lets it pass.
  - PyTorch's is_causal aligns masks at the first key, ours at the last; the masks here are explicit.
  - PyTorch puts NaN first in a descending sort, ours last either way.
  - PyTorch shares the gradient of a segment's maximum between equals, ours gives it to the first.
  - A float beyond the range of an integer type is undefined in NumPy, ours saturates.
  - transformers computes rope's angles in float32; here its formulas stand in float64.
"""

import json
import math
import pathlib
import platform

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent
DTYPES = {"f64": 1, "f32": 2, "f16": 3, "bf16": 4, "i64": 5, "i32": 6, "i8": 7, "u8": 8, "bool": 9}
families = {}


def family(f):
    families[f.__name__] = f
    return f


def number(v):
    v = v.item() if hasattr(v, "item") else v
    if isinstance(v, float) and not math.isfinite(v):
        return "nan" if v != v else "inf" if v > 0 else "-inf"
    return int(v) if isinstance(v, bool) else v


def tensor(x, dtype=None):
    """x as JSON; without a dtype floats are f64, integers i32, booleans bool."""
    x = x.detach() if isinstance(x, torch.Tensor) else torch.as_tensor(np.asarray(x))
    if dtype is None:
        dtype = "f64" if x.is_floating_point() else "bool" if x.dtype == torch.bool else "i32"
    if x.is_floating_point():
        x = x.double()
    return {"dtype": dtype, "dims": list(x.shape), "data": [number(v) for v in x.flatten()]}


class Cases(list):
    def __init__(self, seed):
        super().__init__()
        self.r = np.random.default_rng(seed)

    def normal(self, *dims):
        """Normal numbers of three decimals, which are short to write."""
        return torch.from_numpy(np.asarray(self.r.standard_normal(dims).round(3)))

    def plain(self, op, inputs, outputs, **params):
        self.append({"op": op, "params": params, "in": [tensor(x) for x in inputs], "out": [tensor(y) for y in outputs]})

    def case(self, op, f, *inputs, **params):
        """f of the inputs by autograd; f returns one tensor, or all outputs of which the first has the gradient."""
        leaves = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
        out = f(*leaves)
        out = list(out) if isinstance(out, tuple) else [out]
        dy = self.normal(*out[0].shape)
        wanted = [x for x in leaves if x.is_floating_point()]
        grads = iter(torch.autograd.grad(out[0], wanted, dy, allow_unused=True))
        grads = [next(grads) if x.is_floating_point() else None for x in leaves]
        self.plain(op, inputs, out, **params)
        self[-1]["dy"] = tensor(dy)
        self[-1]["grad"] = [None if g is None else tensor(g) for g in grads]


def ints(*v):
    return torch.tensor(v, dtype=torch.int32)


def real(*v):
    return torch.tensor(v, dtype=torch.float64)


@family
def elementwise(c):
    x = torch.cat([real(0, 0.5, -0.5, 1.5, -2.5, 7, -30), 2 * c.normal(3)])
    for op, f in {
        "neg": torch.neg, "abs": torch.abs, "sign": torch.sign, "square": torch.square, "exp": torch.exp, "exp2": torch.exp2,
        "expm1": torch.expm1, "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh, "erf": torch.erf,
        "sigmoid": torch.sigmoid, "relu": torch.relu, "silu": F.silu, "gelu": F.gelu,
        "gelutanh": lambda x: F.gelu(x, approximate="tanh"), "softplus": lambda x: F.softplus(x, threshold=1e9),
        "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc,
    }.items():
        c.case(op, f, x)
    for op, f in {"sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "log": torch.log,
                  "log2": torch.log2, "log1p": torch.log1p}.items():
        c.case(op, f, c.normal(6).abs() + 0.1)
    a, b = real(1, 2, -3, 0, 5, -1.5), real(2, 2, -3, 0, 4, 8)
    for op, f in {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "min": torch.minimum, "max": torch.maximum}.items():
        c.case(op, f, a, b)
        c.case(op, f, c.normal(2, 1, 2), c.normal(3, 1))
    c.case("div", torch.div, c.normal(2, 1, 2), c.normal(3, 1) + 3)
    c.case("pow", torch.pow, real(0, 0, 0, 2, 3, 0.5, 1.7), real(0, 1, 2, 0, 3, -1.5, 2.2))
    c.case("pow", torch.pow, c.normal(3, 1).abs() + 0.1, c.normal(4))
    for v in (0, 1, 2, 3, 0.5, -2):
        x = real(0.5, 1, 2.5) if v in (0.5, -2) else real(0, 0.5, -1.5, 3)
        c.case("pow.scalar", lambda x: torch.pow(x, v), x, Value=v)
    c.case("pow.scalar", lambda x: torch.pow(2.5, x), real(0, 1, -2, 0.3), Value=2.5, Flip=True)
    c.case("pow.scalar", lambda x: torch.pow(torch.tensor(0.0, dtype=torch.float64), x), real(0, 1, 2, 0.3), Value=0, Flip=True)
    c.case("min.scalar", lambda x: torch.minimum(x, torch.full_like(x, 1)), real(0, 1, 2), Value=1)
    c.case("max.scalar", lambda x: torch.maximum(x, torch.full_like(x, 1)), real(0, 1, 2), Value=1)
    c.case("sub.scalar", lambda x: 3 - x, real(0, 1, 2), Value=3, Flip=True)
    c.case("div.scalar", lambda x: 3 / x, real(0.5, 1, -2), Value=3, Flip=True)
    c.case("clamp", lambda x: torch.clamp(x, -1, 2), real(-2, -0.9, 0, 1.9, 3), Lo=-1, Hi=2)
    cond = torch.tensor([[True, False, True], [False, False, True]])
    c.case("where", torch.where, cond, c.normal(2, 3), c.normal(3))
    c.case("where", torch.where, cond, c.normal(2, 1), c.normal(4, 2, 3))
    c.case("swiglu", lambda g, u: F.silu(g) * u, c.normal(2, 5), c.normal(2, 5))
    c.case("swiglu", lambda g, u: torch.clamp(F.silu(g), max=0.5) * torch.clamp(u, -0.5, 0.5), 2 * c.normal(3, 5), c.normal(3, 5), Limit=0.5)
    c.case("biasact", lambda x, b: F.silu(x + b), c.normal(3, 4), c.normal(4), Act=23)
    c.case("addscaled", lambda a, b, k: a + k * b, c.normal(2, 3), c.normal(2, 3), real(0.3))


@family
def cast(c):
    halfway = real(1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-24, 1 + 3 * 2.0**-24)
    x = torch.cat([real(0, -0.0, 1.5, -2.7, 65504, 65519.99, 65520, 1e-8, 2.0**-24, 2.0**-25, 6e-8, 1e39, -1e39, math.nan), halfway])
    for name, d in {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}.items():
        c.plain("cast", [x], [], To=DTYPES[name])
        c[-1]["out"] = [tensor(x.to(d), name)]
    x = np.array([0, 0.9, -0.9, 1.5, -2.7, 100.99, 7])
    for name, d in {"i64": np.int64, "i32": np.int32, "i8": np.int8, "bool": np.bool_}.items():
        c.plain("cast", [x], [], To=DTYPES[name])
        c[-1]["out"] = [tensor(x.astype(d), name)]
    i = np.array([0, 1, -1, 127, 128, 255, 256, -129, 70000], dtype=np.int32)
    for name, d in {"i64": np.int64, "i8": np.int8, "u8": np.uint8, "bool": np.bool_, "f64": np.float64}.items():
        c.plain("cast", [i], [], To=DTYPES[name])
        c[-1]["out"] = [tensor(i.astype(d), name)]


@family
def norm(c):
    eps = float(np.float32(1e-5))
    for offset in (0, 1):
        c.case("rmsnorm", lambda x, w: F.rms_norm(x, (5,), None, eps) * (offset + w), c.normal(2, 3, 5), c.normal(5), Eps=1e-5, Offset=offset)
    c.case("rmsnorm", lambda x, w: F.rms_norm(x, (4,), w, eps), 1e-3 * c.normal(2, 4), c.normal(4), Eps=1e-5)
    c.case("layernorm", lambda x: F.layer_norm(x, (6,), None, None, eps), c.normal(3, 6), Eps=1e-5)
    c.case("layernorm", lambda x, w, b: F.layer_norm(x, (6,), w, b, eps), c.normal(2, 2, 6), c.normal(6), c.normal(6), Eps=1e-5, Affine=True)
    c.case("layernorm.modulated", lambda x, scale, shift: F.layer_norm(x, (4,), None, None, eps) * (1 + scale) + shift,
           c.normal(2, 3, 4), c.normal(2, 1, 4), c.normal(4), Eps=1e-5)
    for dims, groups in (((2, 6, 3), 3), ((2, 4, 2, 3), 1), ((3, 4), 2)):
        c.case("groupnorm", lambda x, w, b: F.group_norm(x, groups, w, b, eps), c.normal(*dims), c.normal(dims[1]), c.normal(dims[1]),
               Eps=1e-5, Groups=groups)


@family
def softmax(c):
    for scale in (1, 0.25):
        x = 3 * c.normal(3, 7)
        c.case("softmax", lambda x: F.softmax(scale * x, -1), x, Scale=scale)
        c.case("logsoftmax", lambda x: F.log_softmax(scale * x, -1), x, Scale=scale)
    c.case("softmax", lambda x: F.softmax(x, -1), real(1000, 1001, -math.inf, 999), Scale=1)
    c.case("entropy", lambda x: torch.distributions.Categorical(logits=x).entropy(), 2 * c.normal(2, 3, 5))
    c.case("kl", lambda a, b: F.kl_div(F.log_softmax(b, -1), F.log_softmax(a, -1), reduction="none", log_target=True).sum(-1),
           c.normal(3, 6), c.normal(3, 6))

    def cross_entropy(x, target):
        n = x.shape[-1]
        loss = F.cross_entropy(x.reshape(-1, n), target.reshape(-1).long(), ignore_index=-1, reduction="none")
        return loss.reshape(target.shape), x.logsumexp(-1)

    c.case("crossentropy", cross_entropy, 4 * c.normal(5, 7), ints(0, 6, -1, 3, 3))
    c.case("crossentropy", cross_entropy, c.normal(2, 3, 4), torch.tensor([[0, -1, 3], [2, 2, 1]], dtype=torch.int32))


@family
def reduce(c):
    x = c.normal(2, 3, 2)
    ties = torch.tensor([[1.0, 3, 3, 2], [5, 5, 5, 5], [0, -1, -2, 0]], dtype=torch.float64)
    zeros = torch.tensor([[1.0, 2, 3, 4], [2, 0, 3, -1], [0, 2, 0, 5]], dtype=torch.float64)
    norm = torch.linalg.vector_norm
    for axes, keep in (((1,), True), ((0, 2), False), ((0, 1, 2), False)):
        bits = sum(1 << a for a in axes)
        c.case("sum", lambda x: x.sum(axes, keepdim=keep), x, Axes=bits, Keep=keep)
        c.case("logsumexp", lambda x: x.logsumexp(axes, keepdim=keep), x, Axes=bits, Keep=keep)
        c.case("mean", lambda x: x.mean(axes), x, Axes=bits)
        c.case("norm1", lambda x: norm(x, 1, axes), x, Axes=bits)
        c.case("norm2", lambda x: norm(x, 2, axes), x, Axes=bits)
        c.case("sumsquares", lambda x: x.square().sum(axes), x, Axes=bits)
        c.case("maxof", lambda x: x.amax(axes), x, Axes=bits)
        c.case("minof", lambda x: x.amin(axes), x, Axes=bits)
    c.case("maxof", lambda x: x.amax(1), ties, Axes=2)
    c.case("minof", lambda x: x.amin(0), ties, Axes=1)
    c.case("prod", lambda x: x.prod(1), zeros, Axes=2)
    c.case("prod", lambda x: x.prod(), x, Axes=7)
    c.case("norm1", lambda x: norm(x, 1, 1), zeros, Axes=2)
    c.case("norm2", lambda x: norm(x, 2, 1), torch.zeros(2, 3, dtype=torch.float64), Axes=2)
    c.case("logsumexp", lambda x: x.logsumexp(1), torch.tensor([[800.0, 801], [-math.inf, 3]], dtype=torch.float64), Axes=2)
    for op, f in (("argmax", np.argmax), ("argmin", np.argmin)):
        for axis in (0, 1):
            c.plain(op, [ties], [f(ties.numpy(), axis)], Axis=axis)
        c.plain(op, [real(1, math.nan, 9, math.nan)], [f([1, math.nan, 9, math.nan])], Axis=0)
    for axis in (0, -1):
        c.case("cumsum", lambda x: x.cumsum(axis), x, Axis=axis)
        c.case("cumsum", lambda x: x.flip(axis).cumsum(axis).flip(axis), x, Axis=axis, Reverse=True)
        c.case("cumsum", lambda x: x.cumsum(axis) - x, x, Axis=axis, Exclusive=True)
        c.case("cumsum", lambda x: x.flip(axis).cumsum(axis).flip(axis) - x, x, Axis=axis, Reverse=True, Exclusive=True)
    c.case("dot", lambda a, b: (a * b).sum(-1), x, c.normal(2, 3, 2))


@family
def gemm(c):
    c.case("matmul", torch.matmul, c.normal(2, 1, 3, 4), c.normal(5, 4, 2), Alpha=1)
    c.case("matmul.nt", lambda a, b: a @ b.mT, c.normal(3, 4), c.normal(2, 4), Alpha=1, TransB=True)
    c.case("matmul.tn", lambda a, b: a.mT @ b, c.normal(2, 4, 3), c.normal(4, 2), Alpha=1, TransA=True)
    c.case("matmul.tt", lambda a, b: a.mT @ b.mT, c.normal(4, 3), c.normal(2, 4), Alpha=1, TransA=True, TransB=True)
    c.case("matmul", lambda a, b, bias, r: 0.5 * a @ b + bias + 0.25 * r, c.normal(3, 4), c.normal(4, 2), c.normal(2), c.normal(3, 2),
           Alpha=0.5, Beta=0.25, HasBias=True, HasC=True)
    a, b, bias = c.normal(3, 4), c.normal(4, 2), c.normal(2)
    c.plain("matmul", [a, b, bias], [F.gelu(a @ b + bias)], Alpha=1, HasBias=True, HasAct=True, Act=24)
    cut = ints(0, 2, 2, 5)

    def grouped(x, w, cut):
        return torch.cat([x[cut[i]:cut[i + 1]] @ w[i] for i in range(len(cut) - 1)])

    c.case("groupedmatmul", grouped, c.normal(5, 3), c.normal(3, 3, 2), cut)
    c.case("groupedmatmul", lambda x, w, cut: grouped(x, w.mT, cut), c.normal(5, 3), c.normal(3, 2, 3), cut, TransB=True)


@family
def index(c):
    ids = torch.tensor([[3, 0, 3], [1, 3, 0]], dtype=torch.int32)
    c.case("take", lambda t, i: F.embedding(i.long(), t), c.normal(5, 4), ids, Axis=0)
    c.case("take", lambda x, i: x.index_select(1, i), c.normal(2, 4, 3), ints(3, 0, 3), Axis=1)
    c.case("takealong", lambda x, i: x.gather(1, i.long()), c.normal(2, 5), ids, Axis=1)
    c.case("takealong", lambda x, i: x.gather(0, i.long()), c.normal(4, 3), ids, Axis=0)
    c.case("scatteradd", lambda x, i, s: x.index_add(0, i, s), c.normal(4, 2), ints(2, 0, 2), c.normal(3, 2))
    c.case("putrows", lambda x, i, s: x.index_copy(0, i.long(), s), c.normal(4, 2), ints(2, 0), c.normal(2, 2))
    c.case("concat", lambda a, b: torch.cat([a, b], 1), c.normal(2, 1, 3), c.normal(2, 2, 3), Axis=1)
    ties = torch.tensor([[2.0, 1, 2, -3, 1, 7], [0, 0, -1, 0, 5, -1]], dtype=torch.float64)
    c.case("sort", lambda x: torch.sort(x, stable=True), ties)
    c.case("sort", lambda x: torch.sort(x, stable=True, descending=True), ties, Descending=True)
    c.case("sort", lambda x: torch.sort(x, stable=True), real(3, math.nan, 1, math.nan, 2))
    x = c.normal(3, 7)
    c.case("topk", lambda x: torch.topk(x, 3), x, K=3)
    c.case("topk", lambda x: torch.topk(x, 2, largest=False), x, K=2, Least=True)
    for k in (1, 4, 7):
        c.case("kthvalue", lambda x: torch.kthvalue(x, k).values, x, K=k)
    for q in (0, 0.1, 0.3, 0.5, 0.975, 1):
        c.case("quantile", lambda x: torch.quantile(x, q, -1), x, Q=q)
        c.plain("quantile", [ties], [np.quantile(ties.numpy(), q, axis=-1)], Q=q)


@family
def segment(c):
    cut = ints(0, 3, 3, 4, 7)
    parts = lambda x, f: torch.stack([f(x[cut[i]:cut[i + 1]]) for i in range(4)])
    zero = lambda x: x.sum(0) * 0
    c.case("segment.sum", lambda x, _: parts(x, lambda p: p.sum(0)), c.normal(7, 2), cut, Fn=0)
    c.case("segment.mean", lambda x, _: parts(x, lambda p: p.mean(0) if len(p) else zero(p)), c.normal(7, 2), cut, Fn=1)
    for sample in (False, True):
        c.case("segment.std", lambda x, _: parts(x, lambda p: p.std(0, correction=int(sample)) if len(p) > 1 else zero(p)),
               c.normal(7, 2), cut, Fn=2, Sample=sample)
    c.case("segment.max", lambda x, _: parts(x, lambda p: p.amax(0) if len(p) else zero(p) - math.inf), c.normal(7, 2), cut, Fn=3)
    c.case("segment.softmax", lambda x, _: torch.cat([x[cut[i]:cut[i + 1]].softmax(0) for i in range(4)]), c.normal(7, 2), cut)
    c.case("segment.expand", lambda v, cut: v.repeat_interleave(cut.diff(), 0), c.normal(4, 2), cut, Rows=7)


def visible(t, s, causal, window):
    behind = (s - t + torch.arange(t))[:, None] - torch.arange(s)[None, :]
    mask = torch.ones(t, s, dtype=torch.bool)
    if causal:
        mask &= behind >= 0
    if window:
        mask &= behind.abs() < window
    return mask


@family
def attention(c):
    def lse(q, k, mask, scale, sink=None):
        k = k.repeat_interleave(q.shape[1] // k.shape[1], 1)
        scores = (scale * q @ k.mT).masked_fill(~mask, -math.inf)
        if sink is not None:
            scores = torch.cat([scores, sink[None, :, None, None].expand(*scores.shape[:3], 1)], -1)
        return scores.logsumexp(-1)

    def add(hq, hkv, t, s, d, dv, causal=False, window=0, lengths=None, sink=False, gate=False):
        scale, b = 0.5, 1 if lengths is None else len(lengths)
        q, k, v = c.normal(b, hq, t, d), c.normal(b, hkv, s, d), c.normal(b, hkv, s, dv)
        params = {"Scale": scale, "Causal": causal, "Window": window}
        inputs = [q, k, v]
        if lengths is not None:
            params["HasLengths"] = True
            inputs.append(lengths)
            masks = []
            for n in lengths.tolist():
                masks.append(F.pad(visible(t, n, causal, window), (0, s - n)))
            mask = torch.stack(masks)[:, None]
        else:
            mask = visible(t, s, causal, window)
        if sink:
            params["HasSink"] = True
            inputs.append(c.normal(hq))
        if gate:
            params["HasGate"] = True
            inputs.append(c.normal(b, t, hq))

        def f(q, k, v, *extra):
            extra = [x for x in extra if x.is_floating_point()]
            logits = extra.pop(0) if sink else None
            total = lse(q, k, mask, scale, logits)
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=True)
            if sink:  # the sink takes its share of the softmax and gives no value
                out = out * torch.exp(lse(q, k, mask, scale) - total)[..., None]
            if gate:
                out = out * torch.sigmoid(extra.pop(0)).mT[..., None]
            return out, total

        c.case("attention", f, *inputs, **params)
        if gate:
            return
        done = c[-1]  # and the oracle's own backward
        inputs = done["in"][:3] + done["out"] + [done["dy"]] + done["in"][3:]
        results = done["grad"][:3] + (done["grad"][-1:] if sink else [])
        c.append({"op": "attention.grad", "params": params, "in": inputs, "out": results})

    add(2, 2, 3, 3, 3, 3, causal=True)
    add(4, 2, 2, 3, 3, 2)
    add(4, 2, 2, 4, 2, 2, causal=True)
    add(2, 1, 5, 5, 2, 2, causal=True, window=2)
    add(2, 1, 4, 6, 2, 3, window=2)
    add(2, 1, 3, 5, 2, 2, causal=True, lengths=ints(5, 3))
    add(2, 1, 3, 4, 2, 2, causal=True, sink=True)
    add(2, 2, 3, 3, 2, 2, causal=True, gate=True)


@family
def rope(c):
    def turn(x, positions, freqs, width, interleaved):
        angle = positions.double()[..., None] * freqs  # [..., t, width/2]
        head, rest = x[..., :width], x[..., width:]
        if interleaved:  # complex numbers, as in Meta's Llama
            z = torch.view_as_complex(head.reshape(*head.shape[:-1], -1, 2).contiguous())
            head = torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)[..., None, :]).flatten(-2)
        else:  # rotate_half, as in transformers
            cos, sin = (torch.cat([f(angle)] * 2, -1)[..., None, :] for f in (torch.cos, torch.sin))
            a, b = head.chunk(2, -1)
            head = head * cos + torch.cat([-b, a], -1) * sin
        return torch.cat([head, rest], -1)

    def frequencies(theta, width):
        return 1 / theta ** (torch.arange(0, width, 2).double() / width)

    def llama3(f, factor, low, high, original):  # transformers' rope_type "llama3"
        wave = 2 * math.pi / f
        scaled = torch.where(wave > original / low, f / factor, f)
        smooth = (original / wave - low) / (high - low)
        medium = ~(wave < original / high) & ~(wave > original / low)
        return torch.where(medium, (1 - smooth) * scaled / factor + smooth * scaled, scaled)

    positions = ints(0, 1, 5, 1000)
    for interleaved in (False, True):
        for width in (6, 4):
            f = frequencies(1e4, width)
            c.case("rope", lambda x, p: turn(x, p, f, width, interleaved), c.normal(4, 2, 6), positions,
                   Theta=1e4, Width=width, Interleaved=interleaved)
    f = frequencies(1e4, 4)
    c.case("rope", lambda x, p: turn(x, p, f, 4, False), c.normal(2, 3, 1, 4), torch.tensor([[0, 1, 2], [7, 8, 9]], dtype=torch.int32), Theta=1e4, Width=4)
    x = c.normal(4, 1, 4)
    c.plain("rope", [turn(x, positions, f, 4, False), positions], [x], Theta=1e4, Width=4, Inverse=True)
    f = llama3(frequencies(5e5, 16), 8.0, 1.0, 4.0, 8192)
    c.case("rope", lambda x, p: turn(x, p, f, 16, False), c.normal(4, 1, 16), positions, Theta=5e5, Width=16,
           Scale={"Factor": 8, "Low": 1, "High": 4, "Original": 8192})
    div = real(1.5, 4)
    f = frequencies(1e4, 4) / div
    c.plain("rope", [x, positions, div], [turn(x, positions, f, 4, False)], Theta=1e4, Width=4, HasFactors=True)
    c[-1]["in"][2]["dtype"] = "f32"


def write(name, f, seed):
    c = Cases(seed)
    f(c)
    versions = {"python": platform.python_version(), "torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    lines = ",\n".join(json.dumps(x, separators=(",", ":")) for x in c)
    (HERE / f"{name}.json").write_text(f'{{"versions":{json.dumps(versions)},"cases":[\n{lines}\n]}}\n')


for seed, (name, f) in enumerate(families.items()):
    write(name, f, seed)
