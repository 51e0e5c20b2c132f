package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference is what testdata/reference.py wrote: what the reference library gives.
type reference struct {
	Texts []struct {
		Text  string
		Bytes string
	}
	Ranges     [][2]rune
	Fragments  []string
	Tokenizers map[string]struct {
		IDs     [][]int32
		Decodes []struct {
			IDs           []int32
			Text, Special string
		}
		Random     []uint32
		Characters []uint32
	}
}

func readReference(t testing.TB) *reference {
	text, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	r := new(reference)
	require.NoError(t, json.Unmarshal(text, r))
	require.NotEmpty(t, r.Texts)
	return r
}

// texts are the texts of the corpus.
func (r *reference) texts(t testing.TB) []string {
	out := make([]string, 0, len(r.Texts))
	for _, c := range r.Texts {
		text := c.Text
		if c.Bytes != "" {
			b, err := base64.StdEncoding.DecodeString(c.Bytes)
			require.NoError(t, err)
			text = string(b)
		}
		out = append(out, text)
	}
	return out
}

// kept are the small tokenizers beside the reference.
var kept = []string{"gpt2", "smollm", "llama3", "qwen2", "bert", "bertcased"}

func openKept(t testing.TB, name string) *Tokenizer {
	tok, err := Open(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return tok
}

// openReal is the tokenizer of a model in the cache.
func openReal(t testing.TB, name string) *Tokenizer {
	match := map[string]func(path string) bool{
		"smollm2": func(p string) bool { return strings.Contains(p, "smollm2-135m") && strings.HasSuffix(p, ".gguf") },
		"minilm":  func(p string) bool { return strings.Contains(p, "minilm") && filepath.Base(p) == "tokenizer.json" },
	}[name]
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	root, found := filepath.Join(cache, "tandem"), ""
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && found == "" && match(strings.ToLower(path)) {
			found = path
		}
		return nil
	})
	if found == "" {
		t.Skipf("no %s under %s", name, root)
	}
	tok, err := Open(found)
	require.NoError(t, err)
	return tok
}

func TestReference(t *testing.T) {
	r := readReference(t)
	for _, name := range kept {
		t.Run(name, func(t *testing.T) { r.check(t, name, openKept(t, name)) })
	}
	for _, name := range []string{"smollm2", "minilm"} {
		t.Run(name, func(t *testing.T) { r.check(t, name, openReal(t, name)) })
	}
}

// check holds a tokenizer to everything that the reference says of it.
func (r *reference) check(t *testing.T, name string, tok *Tokenizer) {
	want, ok := r.Tokenizers[name]
	require.True(t, ok)
	texts := r.texts(t)
	require.Len(t, want.IDs, len(texts))
	for i, text := range texts {
		ids := tok.Encode(nil, text)
		require.Equal(t, fmt.Sprint(want.IDs[i]), fmt.Sprint(ids), "text %d %q\nwant %q\ngot  %q", i, text, tok.words(want.IDs[i]), tok.words(ids))
	}
	for _, d := range want.Decodes {
		require.Equal(t, d.Text, string(tok.Decode(nil, d.IDs)), "%d", d.IDs)
		all := tok.NewDecoder()
		all.Special = true
		var got []byte
		for _, id := range d.IDs {
			got = all.Append(got, id)
		}
		require.Equal(t, d.Special, string(all.Flush(got)), "%d", d.IDs)
	}
	rng := &lcg{1}
	for block, sum := range want.Random {
		var drawn []string
		for range 100 {
			drawn = append(drawn, r.randomText(rng))
		}
		require.Equal(t, sum, tok.digest(drawn), "random texts, block %d: %q", block, drawn)
	}
	for block, sum := range want.Characters {
		first := rune(block) * 4096
		if first == 0x40000 {
			first = 0xe0000
		}
		require.Equal(t, sum, tok.digest(around(first)), "characters from %U on", first)
	}
}

func (t *Tokenizer) words(ids []int32) (out []string) {
	for _, id := range ids {
		out = append(out, t.Token(id))
	}
	return out
}

// digest is a checksum of the ids of texts.
func (t *Tokenizer) digest(texts []string) uint32 {
	sum, ids, buf := uint32(0), []int32(nil), []byte(nil)
	for _, text := range texts {
		ids, buf = t.Encode(ids[:0], text), buf[:0]
		for _, id := range ids {
			buf = binary.LittleEndian.AppendUint32(buf, uint32(id))
		}
		sum = crc32.Update(sum, crc32.IEEETable, append(buf, 255, 255, 255, 255))
	}
	return sum
}

// around are the texts about each of 4096 characters that reference.py has.
func around(first rune) (texts []string) {
	for c := first; c < first+4096; c++ {
		if c >= 0xd800 && c < 0xe000 || c == 0x11938 {
			continue
		}
		texts = append(texts, fmt.Sprintf("a%[1]cb %[1]c 1%[1]c%[1]c'%[1]c\n%[1]c", c))
	}
	return texts
}

// lcg draws the numbers that reference.py drew.
type lcg struct{ state uint64 }

func (r *lcg) below(n int) int {
	r.state = r.state*6364136223846793005 + 1442695040888963407
	return int((r.state >> 33) % uint64(n))
}

func (r *reference) randomText(rng *lcg) string {
	var b strings.Builder
	for range 1 + rng.below(24) {
		if rng.below(4) == 0 {
			span := r.Ranges[rng.below(len(r.Ranges))]
			b.WriteRune(span[0] + rune(rng.below(int(span[1]-span[0]+1))))
		} else {
			b.WriteString(r.Fragments[rng.below(len(r.Fragments))])
		}
	}
	return b.String()
}
