package tokenizer

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tandem-compute/tandem/weights"
)

// asGGUF is the metadata that a GGUF file of a small tokenizer would have, and the tokenizer as that file can say it:
// without added tokens that have options.
func asGGUF(t *testing.T, name, pre string) (*weights.Metadata, *Tokenizer) {
	text, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	var all map[string]json.RawMessage
	var f tokenizerJSON
	require.NoError(t, json.Unmarshal(text, &all))
	require.NoError(t, json.Unmarshal(text, &f))
	require.NoError(t, json.Unmarshal(f.Model.Vocab, &f.Model.vocab))
	var addeds []addedJSON
	size := len(f.Model.vocab)
	for _, a := range f.AddedTokens {
		if a.Special || !a.Normalized && !a.LStrip {
			addeds = append(addeds, a)
			size = max(size, int(a.ID)+1)
		}
	}
	all["added_tokens"], err = json.Marshal(addeds)
	require.NoError(t, err)
	text, err = json.Marshal(all)
	require.NoError(t, err)
	tok, err := FromJSON(text, nil)
	require.NoError(t, err)

	tokens, types := make([]string, size), make([]int32, size)
	for i := range tokens {
		tokens[i], types[i] = fmt.Sprintf("[unused%d]", i), ggufUnused
	}
	for token, id := range f.Model.vocab {
		if rest, ok := strings.CutPrefix(token, "##"); ok && f.Model.Type == "WordPiece" {
			token = rest
		} else if f.Model.Type == "WordPiece" {
			token = wordStart + token
		}
		tokens[id], types[id] = token, ggufNormal
	}
	for _, a := range addeds {
		tokens[a.ID], types[a.ID] = a.Content, ggufUserDefined
		if a.Special {
			types[a.ID] = ggufControl
		}
	}
	m := weights.NewMetadata()
	m.Set("tokenizer.ggml.tokens", tokens)
	m.Set("tokenizer.ggml.token_type", types)
	m.Set("tokenizer.ggml.model", "bert")
	if f.Model.Type == "BPE" {
		m.Set("tokenizer.ggml.model", "gpt2")
		m.Set("tokenizer.ggml.pre", pre)
		var lines []string
		merges, err := jsonMerges(f.Model.Merges)
		require.NoError(t, err)
		for _, pair := range merges {
			lines = append(lines, pair.left+" "+pair.right)
		}
		m.Set("tokenizer.ggml.merges", lines)
	}
	return &m, tok
}

// A tokenizer is the same from both formats.
func TestGGUF(t *testing.T) {
	r := readReference(t)
	for name, pre := range map[string]string{"gpt2": "gpt-2", "smollm": "smollm", "llama3": "llama-bpe", "qwen2": "qwen2", "bert": ""} {
		m, want := asGGUF(t, name, pre)
		if name == "llama3" {
			m.Set("tokenizer.ggml.bos_token_id", uint32(2006))
		}
		if name == "bert" {
			m.Set("tokenizer.ggml.cls_token_id", uint32(2))
			m.Set("tokenizer.ggml.seperator_token_id", uint32(3))
			m.Set("tokenizer.ggml.padding_token_id", uint32(0))
		}
		tok, err := FromGGUF(m)
		require.NoError(t, err, name)
		require.Equal(t, want.Size(), tok.Size())
		require.Equal(t, want.Prefix(), tok.Prefix(), name)
		require.Equal(t, want.Suffix(), tok.Suffix(), name)
		require.Equal(t, want.AddBOS(), tok.AddBOS(), name)
		require.Equal(t, []int32{want.BOS(), want.EOS(), want.PAD(), want.UNK()}, []int32{tok.BOS(), tok.EOS(), tok.PAD(), tok.UNK()}, name)
		for _, text := range r.texts(t) {
			ids := want.Encode(nil, text)
			require.Equal(t, ids, tok.Encode(nil, text), "%s: %q", name, text)
			require.Equal(t, string(want.Decode(nil, ids)), string(tok.Decode(nil, ids)), "%s: %q", name, text)
		}
	}
}

func TestHostileGGUF(t *testing.T) {
	set := func(key string, value any) func(*weights.Metadata) {
		return func(m *weights.Metadata) { m.Set("tokenizer.ggml."+key, value) }
	}
	for name, c := range map[string]struct {
		of     string
		change func(*weights.Metadata)
		kind   error
		want   string
	}{
		"model":         {"gpt2", set("model", "llama"), ErrUnsupported, `"llama"`},
		"model's type":  {"gpt2", set("model", 7), ErrFormat, "tokenizer.ggml.model"},
		"pre":           {"gpt2", set("pre", "chameleon"), ErrUnsupported, `"chameleon"`},
		"no pre":        {"gpt2", set("pre", nil), ErrUnsupported, "tokenizer.ggml.pre"},
		"tokens":        {"gpt2", set("tokens", []int32{1}), ErrFormat, "tokenizer.ggml.tokens"},
		"few types":     {"gpt2", set("token_type", []int32{1}), ErrFormat, "1 types of"},
		"types":         {"gpt2", set("token_type", "all"), ErrFormat, "token_type"},
		"a type":        {"gpt2", set("token_type", make([]int32, 2007)), ErrFormat, "token 0 is of type 0"},
		"merges":        {"gpt2", set("merges", nil), ErrFormat, "tokenizer.ggml.merges"},
		"a merge":       {"gpt2", set("merges", []string{"ab"}), ErrFormat, `"ab"`},
		"three":         {"gpt2", set("merges", []string{"a b c"}), ErrFormat, `"a b c"`},
		"half":          {"gpt2", set("merges", []string{"a "}), ErrFormat, `"a "`},
		"no such token": {"gpt2", set("merges", []string{"a qqqq"}), ErrFormat, `"qqqq"`},
		"no product":    {"gpt2", set("merges", []string{"q q"}), ErrFormat, `"qq"`},
		"bos":           {"gpt2", set("bos_token_id", uint32(2007)), ErrFormat, "2007 among 2007"},
		"eos":           {"gpt2", set("eos_token_id", int32(-1)), ErrFormat, "-1 among"},
		"pad":           {"gpt2", set("padding_token_id", "0"), ErrFormat, "padding_token_id"},
		"add":           {"gpt2", set("add_bos_token", 1), ErrFormat, "add_bos_token"},
		"no UTF-8":      {"bert", set("tokens", append([]string{"\xff"}, make([]string, 1424)...)), ErrFormat, "no UTF-8"},
		"no unknown":    {"bert", set("tokens", make([]string, 1425)), ErrFormat, "unknown"},
	} {
		m, _ := asGGUF(t, c.of, "gpt-2")
		c.change(m)
		tok, err := FromGGUF(m)
		require.ErrorIs(t, err, c.kind, name)
		require.ErrorContains(t, err, c.want, name)
		require.Nil(t, tok)
	}
	empty := weights.NewMetadata()
	_, err := FromGGUF(&empty)
	require.ErrorIs(t, err, ErrFormat)
}
