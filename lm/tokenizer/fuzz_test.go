package tokenizer

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/tandem-compute/tandem/weights"
)

// use encodes and decodes with whatever was read.
func use(t *testing.T, tok *Tokenizer) {
	model := none
	switch m := tok.model.(type) {
	case *bpe:
		model = m.unk
	case *wordPiece:
		model = m.unk
	}
	for _, text := range []string{"", "a", "abcab <t>?", " It's 12\n\n é 日本\U0001f600\xff", "<s>[UNK][CLS]"} {
		ids := tok.Encode(nil, text)
		for _, id := range ids {
			require.NotEmpty(t, tok.vocab.roles[id])
			require.True(t, !tok.IsSpecial(id) || id == model, "%q gives the special token %d", text, id)
		}
		require.True(t, utf8.Valid(tok.Decode(nil, ids)))
	}
	for _, id := range append(append(tok.Specials(), tok.Prefix()...), tok.Suffix()...) {
		require.True(t, tok.vocab.has(id))
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(tiny), []byte(`{"bos_token": {"content": "<s>"}, "add_bos_token": true}`))
	f.Add([]byte(tinyBERT), []byte(`{"pad_token": "a"}`))
	for _, name := range []string{"qwen2", "bertcased"} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		require.NoError(f, err)
		f.Add(text, []byte(nil))
	}
	f.Fuzz(func(t *testing.T, tokenizer, config []byte) {
		tok, err := FromJSON(tokenizer, config)
		if err != nil {
			require.Nil(t, tok)
			return
		}
		use(t, tok)
	})
}

func FuzzGGUF(f *testing.F) {
	f.Add("gpt2", "smollm", "a\nb\nc\nab\nabc\n<s>\n<t>", "\x01\x01\x01\x01\x01\x03\x04", "a b\nab c", 5)
	f.Add("gpt2", "qwen2", "a\nb\nĠ\nĠa\né", "", "Ġ a", 1)
	f.Add("bert", "", "[UNK]\n[CLS]\n▁a\nb\n▁日", "\x02\x03\x01\x01\x01", "", 0)
	f.Fuzz(func(t *testing.T, model, pre, tokens, types, merges string, id int) {
		m := weights.NewMetadata()
		m.Set("tokenizer.ggml.model", model)
		m.Set("tokenizer.ggml.pre", pre)
		m.Set("tokenizer.ggml.tokens", strings.Split(tokens, "\n"))
		m.Set("tokenizer.ggml.merges", strings.Split(merges, "\n"))
		m.Set("tokenizer.ggml.bos_token_id", int64(id))
		if types != "" {
			m.Set("tokenizer.ggml.token_type", []byte(types))
		}
		tok, err := FromGGUF(&m)
		if err != nil {
			require.Nil(t, tok)
			return
		}
		use(t, tok)
	})
}

// FuzzText holds encoding and decoding to each other: a vocabulary with all bytes and no normaliser gives every text
// back, and a Decoder gives what Decode gives.
func FuzzText(f *testing.F) {
	for _, text := range readReference(f).texts(f) {
		f.Add(text)
	}
	var toks []*Tokenizer
	for _, name := range kept {
		toks = append(toks, openKept(f, name))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, tok := range toks {
			ids := tok.Encode(nil, text)
			all := tok.Decode(nil, ids)
			if kept[i] == "gpt2" || kept[i] == "llama3" {
				require.Equal(t, valid(text), string(all))
			}
			d := tok.NewDecoder()
			var got []byte
			for _, id := range ids {
				from := len(got)
				got = d.Append(got, id)
				if !utf8.Valid(got[from:]) || tok.IsSpecial(id) && id != tok.unk {
					require.Fail(t, "an incomplete character or a special token", "%s: %d", kept[i], ids)
				}
			}
			require.Equal(t, string(all), string(d.Flush(got)))
		}
	})
}
