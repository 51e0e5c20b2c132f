"""Writes reference.safetensors and reference.gguf with the formats' own libraries.

numpy 2.4.6, safetensors 0.8.0, gguf 0.19.0:  python3 reference.py
"""
import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quants
from safetensors.numpy import save_file

rng = np.random.default_rng(1)
tensors = {
    "embed.weight": rng.standard_normal((4, 64)).astype(np.float32),
    "half": rng.standard_normal((3, 5)).astype(np.float16),
    "double": rng.standard_normal((2, 1, 3)),
    "ids": np.arange(-3, 4, dtype=np.int64),
    "small": np.arange(6, dtype=np.int32).reshape(2, 3),
    "bytes": np.arange(5, dtype=np.uint8),
    "flags": np.array([True, False, True]),
    "scalar": np.array(2.5, dtype=np.float32),
    "empty": np.zeros((0, 4), dtype=np.float32),
}
save_file(tensors, "reference.safetensors", metadata={"format": "np", "quote": 'a "b" ü'})

w = GGUFWriter("reference.gguf", "llama")
w.add_uint32("llama.block_count", 2)
w.add_float32("llama.rope.freq_base", 10000.0)
w.add_bool("tokenizer.ggml.add_bos_token", False)
w.add_array("tokenizer.ggml.tokens", ["<s>", "ü", "a b"])
w.add_array("tokenizer.ggml.scores", [0.5, -1.0, 2.0])
w.add_uint64("large", 1 << 40)
w.add_tensor("token_embd.weight", tensors["embed.weight"])
w.add_tensor("half", tensors["half"])
for name in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "BF16"):
    kind = GGMLQuantizationType[name]
    w.add_tensor(name, quants.quantize(tensors["embed.weight"], kind), raw_dtype=kind)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
